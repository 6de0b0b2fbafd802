// Calibration: the scale of every tensor, the precision of every layer, and how they were obtained. A plain
// value: read from and written to a JSON file that a person can read, checked against the network it is used
// with.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "octet/api.h"
#include "octet/types.h"

namespace octet {

class Network;

/// How a tensor's threshold is found from the distribution of its values.
enum class CalibrationMethod {
  kEntropy,
  kMinMax,
  kPercentile,
  kMse,
  kFile,  ///< not chosen here: as a quantised network's file says. What it does not say is computed in FP32
};
OCTET_API const char* to_string(
    CalibrationMethod method);  // "entropy", "minmax", "percentile", "mse", "file"
OCTET_API CalibrationMethod parse_calibration_method(std::string_view text);

enum class QuantizationScheme {
  kUnsigned8,      ///< u8; zero point 0 for tensors that are never negative (all 256 levels), 128 for others
  kSymmetricInt8,  ///< +-127 as published and as TensorRT does: u8 with zero point 128 throughout
};
OCTET_API const char* to_string(QuantizationScheme scheme);  // "u8", "symmetric-s8"
OCTET_API QuantizationScheme parse_quantization_scheme(std::string_view text);

/// How weights become integers.
enum class WeightRounding {
  kNearest,
  kAdaptive,  ///< each up or down by what the layer's output loses on the calibration pictures
};
OCTET_API const char* to_string(WeightRounding rounding);  // "nearest", "adaptive"
OCTET_API WeightRounding parse_weight_rounding(std::string_view text);

/// One tensor of the optimised network. real = scale * (q - zero_point), q in [0, 255].
struct TensorCalibration {
  std::string name;
  float scale = 1;
  int zero_point = 0;
  CalibrationMethod method = CalibrationMethod::kEntropy;
  float threshold = 0;             ///< |real| beyond which values are clipped
  float minimum = 0, maximum = 0;  ///< seen
  double clipped = 0;              ///< share of the values beyond the threshold, in percent
  std::string
      tied_to;  ///< tensor whose distribution gave the scale, where it is not its own (a concatenation's)
  std::vector<std::uint64_t>
      histogram;            ///< of all values but exact zeros, 128 equal bins over [minimum, maximum]
  std::uint64_t zeros = 0;  ///< exact zeros

  /// Only of an input whose values are pictures less their mean: then scale is 1, q are the pictures' bytes,
  /// and real = q - mean. {C} or {C, H, W} values.
  std::vector<float> pixel_mean;
};

/// One convolution or fully connected layer of the optimised network.
struct LayerCalibration {
  std::string name;
  Precision precision = Precision::kInt8;  ///< not kMixed
  std::string reason;                      ///< why it is not INT8; empty if it is
  double sqnr_db = 0;      ///< signal to quantisation noise of its output, at calibration; 0: not measured
  double sensitivity = 0;  ///< what `octet tune` measured: points of top-1 lost by this layer alone
  std::vector<float> bias_correction;  ///< added to the bias, one a channel; empty: none
  /// Weight rounding: for each weight, in order, one bit: 1 rounds w / scale up, 0 down. Empty: nearest.
  std::vector<std::uint8_t> rounding_bits;
};

/// What the calibration is valid for. An empty hash is not compared.
struct CalibrationSource {
  std::string network;  ///< name
  std::string network_hash;
  std::string data;  ///< description: folder or "synthetic", and how many
  std::string data_hash;
  std::int64_t images = 0;
  int batches = 0;
  int batch = 0;
  /// What calibrated, in order, so that a measurement can leave it out: the picture's content hash, a blank,
  /// its file name. Empty for images that are not files.
  std::vector<std::string> pictures;
  std::string preprocessing;  ///< description
  std::string preprocessing_hash;
};

class OCTET_API Calibration {
 public:
  static constexpr int kVersion = 1;

  CalibrationSource source;
  CalibrationMethod method = CalibrationMethod::kEntropy;
  double percentile = 0;  ///< of kPercentile
  QuantizationScheme scheme = QuantizationScheme::kUnsigned8;
  WeightRounding weight_rounding = WeightRounding::kNearest;
  bool bias_correction = false;
  std::vector<TensorCalibration> tensors;  ///< in the network's order
  std::vector<LayerCalibration> layers;    ///< in the network's order
  /// What was accepted although it did not fit (`--force`), in words; recorded in reports.
  std::vector<std::string> forced;

  /// Throws Error: kNotFound, kParse (not JSON, a field missing or of the wrong type; names file and field),
  /// kMismatch (another version; checksum wrong: the file was cut or edited by hand; scales that are NaN,
  /// zero or negative).
  static Calibration load(const std::filesystem::path& file);
  /// Writes a temporary file, then renames.
  void save(const std::filesystem::path& file) const;
  std::string to_json() const;
  static Calibration from_json(std::string_view text, const std::string& name);

  const TensorCalibration* find_tensor(std::string_view name) const;  ///< null if there is none
  const LayerCalibration* find_layer(std::string_view name) const;

  /// Compares hashes: throws Error(kMismatch) saying which one differs, unless `force`, which records it in
  /// `forced`. `preprocessing_hash` empty: not compared.
  void check(const Network& network, std::string_view preprocessing_hash, bool force);
  /// 16 hex digits over everything that decides the engine's bits.
  std::string hash() const;
};

/// Pictures to calibrate on, always in the same order; read more than once by some methods.
class OCTET_API CalibrationImages {
 public:
  virtual ~CalibrationImages() = default;
  virtual void rewind() = 0;
  /// Up to `most` images, FP32 NCHW as the network's input takes them; returns how many, 0 at the end.
  virtual int next(int most, std::span<float> images) = 0;
};

struct CalibrationOptions {
  CalibrationMethod method = CalibrationMethod::kMse;
  double percentile = 99.99;
  QuantizationScheme scheme = QuantizationScheme::kUnsigned8;
  WeightRounding weight_rounding = WeightRounding::kNearest;
  /// Shifts each layer's bias by the mean error of its output; layers for which that does not lower the error
  /// on pictures kept apart are left alone.
  bool bias_correction = false;
  int threads = 0;  ///< 0: as many as the affinity mask gives; the result does not depend on it
  /// Where the input holds pictures less this mean ({C} or {C, H, W} values): first layers then work on the
  /// pictures' bytes. Empty: the input is quantised like any tensor.
  std::vector<float> pixel_mean;
  /// Bytes for all that calibrating holds, the network among it; 0: none. More is Error(kMemoryLimit), thrown
  /// before any of it is allocated.
  std::uint64_t memory_limit = 0;
  CalibrationSource source;  ///< recorded; network and its hash are filled in
  std::function<void(double share)> progress;
};

/// Runs the network in FP32 over the images, one at a time, and chooses scales. The network must have one
/// input. Throws Error: kInvalidArgument (no images, options), kUnsupported, what building an engine throws.
OCTET_API Calibration calibrate(const Network& network, CalibrationImages& images,
                                const CalibrationOptions& options);

}  // namespace octet
