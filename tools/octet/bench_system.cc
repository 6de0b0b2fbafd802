#include "tools/octet/bench_system.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <optional>

#include "octet/error.h"
#include "tools/octet/saved_engine.h"

namespace octet::tools {
namespace {

template <typename Function>
auto timed(double& ms, const Function& function) {
  const lab::Nanoseconds start = lab::system_clock().now();
  auto result = function();
  ms = lab::elapsed_ms(start);
  return result;
}

}  // namespace

UsedCalibration find_bench_calibration(const Network& network, const NetworkOptions& options,
                                       const EngineOptions& engine, bool pixels) {
  std::optional<lab::Preprocessing> preprocessing;
  if (pixels && engine.calibration.empty()) preprocessing = make_preprocessing({}, network);
  return find_calibration(network, engine, options.seed, preprocessing ? &*preprocessing : nullptr);
}

void add_input_type_option(CLI::App& command, std::string& input_type) {
  command.add_option("--input-type", input_type, "fp32, or u8 (pictures' bytes; integer precisions)")
      ->type_name("TYPE");
}

bool pixel_input(const std::string& input_type, const std::string& precision) {
  if (input_type == "fp32") return false;
  if (input_type != "u8")
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("--input-type: expected fp32 or u8, got '{}'", input_type));
  if (!needs_calibration(parse_precision(precision)))
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("--input-type u8: expected --precision int8, int16 or mixed, whose first layer "
                            "works on bytes; got {}",
                            precision));
  return true;
}

BenchSystem build_bench_system(const NetworkOptions& options, const EngineOptions& engine_options,
                               bool pixels) {
  BenchSystem result;
  Network network =
      timed(result.open_ms, [&] { return open_network(options, memory_limit_of(engine_options)); });
  result.synthetic_weights = network.synthetic_weights();
  result.calibration = timed(
      result.calibrate_ms, [&] { return find_bench_calibration(network, options, engine_options, pixels); });
  EngineOptions build = engine_options;
  build.pixel_input = pixels;
  Engine engine =
      timed(result.build_ms, [&] { return build_engine(std::move(network), build, result.calibration); });
  result.system = std::make_unique<lab::OctetSystem>(std::move(engine), result.calibration.calibration.get(),
                                                     options.seed);
  return result;
}

BenchSystem load_bench_system(const NetworkOptions& options, const EngineOptions& engine_options) {
  BenchSystem result;
  Engine engine = timed(result.load_ms, [&] { return load_engine(options, engine_options); });
  result.synthetic_weights = !note_of(engine, kSyntheticWeightsNote).empty();
  result.system = std::make_unique<lab::OctetSystem>(std::move(engine), nullptr, options.seed);
  return result;
}

}  // namespace octet::tools
