// The INT8 networks whose output bytes are committed (golden/int8), for the tests that must find them again.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "octet/octet.h"

namespace octet::test {

inline constexpr int kGoldenImages = 3;
inline const std::filesystem::path kGoldenFolder = "tests/golden/int8";

/// Pictures of noise less a mean of 128, from a linear congruential generator: the same everywhere. Divided
/// by 128 for networks that were calibrated so, not on pictures' bytes.
inline std::vector<float> pictures(std::size_t count, bool bytes) {
  std::vector<float> values(count);
  std::uint64_t state = 20170719;
  for (float& value : values) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    value = static_cast<float>(static_cast<int>(state >> 56) - 128) / (bytes ? 1 : 128);
  }
  return values;
}

inline bool takes_bytes(const Calibration& calibration) {
  return !calibration.tensors.empty() && !calibration.tensors.front().pixel_mean.empty();
}

/// Of an engine in INT8 with these options.
inline std::string output_hash(const Network& network, const std::shared_ptr<const Calibration>& calibration,
                               BuildOptions options, int batch, int images) {
  options.precision = Precision::kInt8;
  options.calibration = calibration;
  options.max_batch = batch;
  const Engine engine = Engine::build(network, options);
  Context context = engine.create_context();
  const auto in = static_cast<std::size_t>(engine.inputs()[0].shape.elements_per_image());
  const auto out = static_cast<std::size_t>(engine.outputs()[0].shape.elements_per_image());
  const std::vector<float> input = pictures(in * static_cast<std::size_t>(images), takes_bytes(*calibration));
  std::vector<float> output(out * static_cast<std::size_t>(images));
  for (int first = 0; first < images; first += batch) {
    const auto count = static_cast<std::size_t>(std::min(batch, images - first));
    const auto begin = static_cast<std::size_t>(first);
    context.run(static_cast<int>(count), std::span(input).subspan(begin * in, count * in),
                std::span(output).subspan(begin * out, count * out));
  }
  return hash_bytes(std::as_bytes(std::span(output)));
}

inline std::string output_hash(const Network& network, const std::shared_ptr<const Calibration>& calibration,
                               Isa isa, int threads, int batch, int images) {
  BuildOptions options;
  options.isa = isa;
  options.threads = threads;
  return output_hash(network, calibration, options, batch, images);
}

inline nlohmann::json golden_hashes() {
  std::ifstream file(kGoldenFolder / "hashes.json");
  return file ? nlohmann::json::parse(file) : nlohmann::json::object();
}

inline std::shared_ptr<Calibration> golden_calibration(const std::string& name) {
  return std::make_shared<Calibration>(Calibration::load(kGoldenFolder / (name + ".json")));
}

}  // namespace octet::test
