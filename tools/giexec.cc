// giexec: the program with which the study measured, on Octet's engine. Flags and result line are those of
// TensorRT 2's giexec; what a flag means on a CPU is said in its help.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <filesystem>
#include <optional>
#include <utility>

#include "lab/bench/bindings.h"
#include "octet/engine.h"
#include "octet/error.h"
#include "octet/machine.h"
#include "octet/network.h"
#include "octet/version.h"
#include "tools/support/program.h"
#include "tools/support/quantization.h"

namespace octet::tools {
namespace {

struct Options {
  std::string deploy;
  std::string model;
  std::vector<std::string> outputs;
  int batch = 1;
  int iterations = 10;
  int average_runs = 10;
  int device = 0;
  int workspace_mb = 16;
  bool host_time = false;
  bool verbose = false;
  bool int8 = false;
  std::string calibration;
  bool half2 = false;
  std::string engine;
};

void declare(CLI::App& program, Options& options) {
  program.add_option("--deploy", options.deploy, "network (.prototxt)")->type_name("F")->required();
  program.add_option("--model", options.model, "weights (.caffemodel); without it synthetic")->type_name("F");
  program.add_option("--output", options.outputs, "output tensor")
      ->type_name("NAME")
      ->required()
      ->expected(1);
  program.add_option("--batch", options.batch, "images a run")->type_name("N");
  program.add_option("--iterations", options.iterations, "averages to print")->type_name("N");
  program.add_option("--avgRuns", options.average_runs, "runs an average")->type_name("N");
  program.add_option("--device", options.device, "0: the CPU")->type_name("N");
  program
      .add_option("--workspace", options.workspace_mb,
                  "accepted; Octet plans its scratch memory exactly and needs no limit")
      ->type_name("MB");
  program.add_flag("--hostTime", options.host_time, "accepted; on a CPU all times are the host's");
  program.add_flag("--verbose", options.verbose, "print the plan's size and kernels");
  program.add_flag("--int8", options.int8, "INT8");
  program
      .add_option("--calib", options.calibration,
                  "INT8 calibration cache: read if it is there, written if not")
      ->type_name("F");
  program.add_flag("--half2", options.half2, "16-bit floating point; on a CPU that is BF16");
  program.add_option("--engine", options.engine, "saved engine")->type_name("F");
  program.footer(
      "INT8 without a cache is calibrated on synthetic images, which is enough to time it.\n\n"
      "Example:\n  giexec --deploy deploy.prototxt --model net.caffemodel --output prob --batch 8 "
      "--iterations 5 --avgRuns 10");
}

void require_at_least(const char* flag, int value, int least) {
  if (value < least)
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: expected {} or more, got {}", flag, least, value));
}

void check(const Options& options) {
  if (!options.engine.empty())
    throw Error(ErrorCode::kUnsupported,
                "--engine is not available in this build, which runs networks from --deploy");
  if (options.int8 && options.half2)
    throw Error(ErrorCode::kInvalidArgument, "--int8 and --half2: expected one of them, got both");
  if (!options.calibration.empty() && !options.int8)
    throw Error(ErrorCode::kInvalidArgument, "--calib: expected --int8 with it");
  require_at_least("--batch", options.batch, 1);
  require_at_least("--iterations", options.iterations, 1);
  require_at_least("--avgRuns", options.average_runs, 1);
  require_at_least("--workspace", options.workspace_mb, 0);
  if (options.device != 0)
    throw Error(
        ErrorCode::kUnsupported,
        fmt::format("--device {} is not available: device 0, the CPU, is the only one", options.device));
}

constexpr std::uint64_t kSeed = 1;  // of images, and of weights where there is no --model

UsedCalibration calibrate(const Options& options, const Network& network) {
  if (!options.calibration.empty() && std::filesystem::exists(options.calibration))
    return load_calibration(options.calibration, network, "", false);
  if (network.calibration() != nullptr) return own_calibration(network);
  UsedCalibration made = improvise_calibration(network, nullptr, kSeed, 0);
  if (!options.calibration.empty()) {
    made.calibration->save(options.calibration);
    fmt::print(stderr, "giexec: wrote {}\n", options.calibration);
  }
  return made;
}

Precision precision_of(const Options& options) {
  if (options.int8) return Precision::kInt8;
  return options.half2 ? Precision::kBFloat16 : Precision::kFloat32;
}

Engine build(const Options& options) {
  std::optional<std::filesystem::path> weights;
  if (!options.model.empty()) weights = options.model;
  Network network = Network::load_caffe(options.deploy, weights, kSeed).with_output(options.outputs.front());
  BuildOptions build;
  build.precision = precision_of(options);
  build.max_batch = options.batch;
  if (options.half2) warn("--half2: this CPU's 16-bit floating point is BF16, which is what runs");
  if (options.int8) build.calibration = calibrate(options, network).calibration;
  const std::uint64_t outside = lab::binding_bytes(network.inputs(), network.outputs(), options.batch);
  const std::uint64_t memory = describe_machine().memory_bytes;
  if (memory > 0) {
    if (outside >= memory)
      throw Error(ErrorCode::kMemoryLimit,
                  fmt::format("--batch {}: the inputs and outputs alone take {}, this machine has {}",
                              options.batch, format_bytes(outside), format_bytes(memory)));
    build.memory_limit = memory - outside;
  }
  return Engine::build(std::move(network), build);
}

void print_plan(const Engine& engine) {
  fmt::print("{}: {}, {}, {} threads, {} weights, {} activations\n", engine.network_name(),
             to_string(engine.precision()), engine.target(), engine.threads(),
             format_bytes(engine.memory().weight_bytes), format_bytes(engine.memory().arena_bytes));
  for (const StepInfo& step : engine.steps()) fmt::print("  {:<40} {}\n", step.layer, step.kernel);
}

int run(const Options& options) {
  using Clock = std::chrono::steady_clock;
  check(options);
  const Engine engine = build(options);
  if (options.verbose) print_plan(engine);
  Context context = engine.create_context();
  lab::Bindings bindings(engine, options.batch, kSeed);
  bindings.run(context, options.batch);  // the first run touches the memory; it is not timed
  double total_ms = 0;
  for (int i = 0; i < options.iterations; ++i) {
    const Clock::time_point start = Clock::now();
    for (int r = 0; r < options.average_runs; ++r) bindings.run(context, options.batch);
    const double ms = std::chrono::duration<double, std::milli>(Clock::now() - start).count();
    fmt::print("Average over {} runs is {:.4g} ms.\n", options.average_runs, ms / options.average_runs);
    std::fflush(stdout);
    total_ms += ms;
  }
  const double images = static_cast<double>(options.batch) * options.iterations * options.average_runs;
  fmt::print("{:.2f} images/s\n", images / (total_ms * 1e-3));
  return kSuccess;
}

}  // namespace
}  // namespace octet::tools

int main(int argc, char** argv) {
  using namespace octet::tools;
  return run_program("giexec", [&] {
    CLI::App program("giexec: times a Caffe network, with the flags of TensorRT's program of that name");
    program.set_version_flag("--version", octet::kVersion);
    program.option_defaults()->always_capture_default();
    Options options;
    declare(program, options);
    if (const auto exit_code = parse_command_line(program, argc, argv)) return *exit_code;
    return run(options);
  });
}
