// What a convolution or fully connected layer reads, over the calibration pictures: columns (the values under
// the window at one output position, as im2col lays them out: [c][ky][kx]) sampled at positions that follow
// from the picture's number, so that the result depends on nothing but the pictures.
//
// Three pictures of four are fitted to: their columns, as integers, give first and second moments, which are
// integers too and so exact in any order. The fourth is kept apart: its columns are stored, and what was
// fitted is judged by them. With fewer than four pictures all are used for both.
#pragma once

#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

#include "graph/graph.h"
#include "kernels/layout.h"

namespace octet::quantize {

struct LayerGeometry {
  std::int64_t channels = 1, height = 1, width = 1;
  std::int64_t out_height = 1, out_width = 1, out_channels = 1;
  std::int64_t groups = 1;
  graph::Window window;  ///< of a fully connected layer: the whole input

  std::int64_t column() const { return channels * window.kernel_h * window.kernel_w; }
  std::int64_t taps() const { return column() / groups; }  ///< of one output channel
  std::int64_t positions() const { return out_height * out_width; }
};
/// Of a Convolution or InnerProduct node.
LayerGeometry layer_geometry(const graph::Graph& graph, const graph::Node& node);

/// How the layer's input becomes integers: rounded and clipped, or (pictures less their mean) only rounded.
struct LayerInput {
  kernels::Quantization quantization;
  bool pixels = false;

  /// real is about quantization.scale * integer; 0 is the zero point.
  std::int16_t integer(float real) const;
};

/// Which pictures serve what.
struct PictureSplit {
  std::int64_t pictures = 0;
  bool has_apart() const { return pictures >= 4; }
  bool is_fitted(std::int64_t picture) const { return !has_apart() || picture % 4 != 3; }
  bool is_apart(std::int64_t picture) const { return !has_apart() || picture % 4 == 3; }
  std::int64_t fitted() const { return has_apart() ? pictures - pictures / 4 : pictures; }
  std::int64_t apart() const { return has_apart() ? pictures / 4 : pictures; }
  /// Rank of a picture among the fitted or among those apart.
  std::int64_t rank(std::int64_t picture) const {
    if (!has_apart()) return picture;
    return is_apart(picture) ? picture / 4 : picture - picture / 4;
  }
};

class LayerStatistics {
 public:
  /// Second moments are sums of at most this many products of bytes: they fit in 32 bits.
  static constexpr std::int64_t kMostSamples = 32768;

  LayerStatistics(const LayerGeometry& geometry, const LayerInput& input, std::int64_t pictures,
                  bool second_moments);
  /// Columns that the pictures will give for the moments.
  static std::int64_t expected_samples(const LayerGeometry& geometry, std::int64_t pictures);
  /// Bytes that one needs.
  static std::int64_t bytes(const LayerGeometry& geometry, std::int64_t pictures, bool second_moments);

  /// May be called from several threads at a time. `values`: the layer's input, dense CHW.
  void add(std::int64_t picture, std::span<const float> values);
  /// After the last picture.
  void finish();

  const LayerGeometry& geometry() const { return geometry_; }
  const LayerInput& input() const { return input_; }
  const PictureSplit& split() const { return split_; }
  std::int64_t samples() const { return samples_; }  ///< that the moments are sums over
  /// Second moments of a group's integers, taps() x taps().
  std::vector<float> mean_products(std::int64_t group) const;
  /// Mean of the real values less that of scale * integers, of each element of a column.
  std::vector<double> mean_input_error() const;
  /// Mean of the integers, of each element of a column.
  std::vector<double> mean_integers() const;

  /// Columns of the pictures kept apart: how many, and each as real values and as integers.
  std::int64_t apart_columns() const { return apart_count_; }
  std::span<const float> apart_reals(std::int64_t i) const;
  std::span<const std::int16_t> apart_integers(std::int64_t i) const;

 private:
  void gather(std::span<const float> values, std::int64_t position, std::span<float> column) const;
  std::int64_t position(std::int64_t picture, std::int64_t sample) const;
  void append(std::span<const float> reals);
  void multiply_pending();

  LayerGeometry geometry_;
  LayerInput input_;
  PictureSplit split_;
  bool second_moments_;
  std::int64_t samples_per_picture_ = 1, apart_per_picture_ = 1;
  std::int64_t apart_count_ = 0;

  std::mutex mutex_;
  std::int64_t samples_ = 0;
  std::vector<std::int16_t> pending_;  // [element of a column][kPending]
  std::int64_t pending_count_ = 0;
  std::vector<std::int32_t> products_;       // [group][tap][tap], the lower triangle
  std::vector<std::int64_t> integer_sums_;   // by element of a column
  std::vector<std::int64_t> residual_sums_;  // real / scale - integer in units of 1 / kResidualUnit
  std::vector<float> apart_reals_;
  std::vector<std::int16_t> apart_integers_;
};

}  // namespace octet::quantize
