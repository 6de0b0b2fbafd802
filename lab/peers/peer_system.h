// Another engine as a system under test, in a worker process of its own that is talked to in lines of JSON
// (worker.py tells the protocol). It gets the network as Octet exports it and the same synthetic images, as
// FP32 N x C x H x W in memory; calls are timed inside the worker, by the clock that all processes of a
// machine share. A peer is handed out only if its outputs agree with Octet's: figures of engines that compute
// different things mean nothing.
//
// INT8 models are made by ONNX Runtime's static quantizer (QDQ form, u8 activations, s8 weights with a scale
// for each channel), which both peers run, calibrated on the synthetic images that Octet calibrates on.
// Softmax stays FP32, as in Octet.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lab/bench/system_under_test.h"
#include "lab/peers/peer_environment.h"
#include "octet/network.h"
#include "octet/types.h"

namespace octet::lab {

/// The precisions that peers are run in: FP32 and INT8.
bool peers_run(Precision precision);

/// The ways in which an engine is run at a batch: {""} for most; OpenVINO {"latency"}, at batch 1 also
/// "streams" (one request a thread in flight, so a call is of `threads` images).
std::vector<std::string> peer_ways(std::string_view engine, int batch);

/// What peers of one study need for each network, made once: models as files, and Octet's own outputs.
class PeerModels {
 public:
  /// `folder` is made if need be; models that are there already are taken. `seed`: of the synthetic images,
  /// those that are run and those that calibrate. `timeout_s`: the longest that any answer of a worker may
  /// take. `while_waiting` is called while one is waited for; what it throws ends the worker and the wait.
  PeerModels(PeerEnvironment environment, std::filesystem::path folder, std::uint64_t seed,
             double timeout_s = 600, std::function<void()> while_waiting = {});

  const PeerEnvironment& environment() const { return environment_; }
  const std::filesystem::path& folder() const { return folder_; }
  std::uint64_t seed() const { return seed_; }
  double timeout_s() const { return timeout_s_; }
  const std::function<void()>& while_waiting() const { return while_waiting_; }

  /// The exported network. Throws what export_onnx throws, Error(kUnsupported) unless it has one input and
  /// one output.
  std::filesystem::path fp32(const Network& network);
  /// Its quantized form. Throws Error(kNotFound) without the quantizer, Error(kIo) if that fails.
  std::filesystem::path int8(const Network& network);
  /// How int8() chooses scales, for SystemInfo::calibration.
  std::string int8_calibration() const;
  /// Octet's FP32 outputs of the first kReferenceImages synthetic images.
  const std::vector<float>& reference(const Network& network);
  static constexpr int kReferenceImages = 4;

 private:
  PeerEnvironment environment_;
  std::filesystem::path folder_;
  std::uint64_t seed_;
  double timeout_s_;
  std::function<void()> while_waiting_;
  std::map<std::string, std::vector<float>> references_;  // by Network::hash
};

struct PeerSettings {
  std::string engine;
  std::string way;  ///< of peer_ways()
  Precision precision = Precision::kFloat32;
  int max_batch = 1;
  int threads = 1;
  std::vector<int> cpus;  ///< that it may run on; empty: those of the calling thread
};

/// A peer that is loaded, has its images and agrees with Octet. Throws Error: kNotFound (engine or Python
/// missing, with how to get them), kInvalidArgument, kUnsupported (a precision other than FP32 and INT8),
/// kMismatch (its outputs differ from Octet's; the message says by how much), kIo (it died, did not answer in
/// time, or answered nonsense). The same errors end a later run() and run_timed(); the object can then only
/// be thrown away.
std::unique_ptr<SystemUnderTest> start_peer(PeerModels& models, const Network& network,
                                            const PeerSettings& settings);

/// How far outputs of the same images lie apart.
struct OutputAgreement {
  double error = 0;   ///< largest difference, as a share of the largest magnitude in `reference`
  double cosine = 1;  ///< mean over images, of outputs less their mean
};
/// `images` outputs of equal size in each. Throws Error(kMismatch) for different sizes or outputs that are
/// not numbers.
OutputAgreement compare_outputs(const std::vector<float>& outputs, const std::vector<float>& reference,
                                int images);

/// FP32 engines that each sum in their own order agree within this share of the outputs' range; INT8 engines,
/// whose scales are their own, point the same way as FP32 (on networks with synthetic weights, which amplify
/// rounding more than trained ones, the peers reach 0.87 and more; another network's outputs come to about
/// 0).
inline constexpr double kFp32Tolerance = 1e-3;
inline constexpr double kInt8LeastCosine = 0.8;

}  // namespace octet::lab
