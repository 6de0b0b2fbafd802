// octet build: an engine, saved to a file that loads in a few milliseconds.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <map>
#include <memory>

#include "lab/support/clock.h"
#include "octet/error.h"
#include "tools/octet/bench_system.h"
#include "tools/octet/command.h"
#include "tools/octet/common_options.h"
#include "tools/octet/saved_engine.h"
#include "tools/support/json_output.h"
#include "tools/support/program.h"

namespace octet::tools {
namespace {

struct BuildArguments {
  NetworkOptions network;
  EngineOptions engine;
  OutputOptions output;
  std::string input_type = "fp32";
  std::string file;
};

struct Built {
  Engine engine;
  UsedCalibration calibration;
  EngineNotes notes;
  double build_ms = 0, save_ms = 0, load_ms = 0;
};

EngineNotes notes_of(const Network& network, const NetworkOptions& options,
                     const UsedCalibration& calibration) {
  EngineNotes notes = {{kNetworkHashNote, network.hash()}};
  if (network.synthetic_weights()) notes[kSyntheticWeightsNote] = fmt::format("seed {}", options.seed);
  if (calibration.calibration != nullptr) {
    notes[kCalibrationNote] = calibration.origin;
    notes[kCalibrationHashNote] = calibration.calibration->hash();
    notes[kPreprocessingHashNote] = calibration.calibration->source.preprocessing_hash;
  }
  return notes;
}

Built build(const BuildArguments& options, const EngineOptions& engine_options) {
  Network network = open_network(options.network, memory_limit_of(engine_options));
  UsedCalibration calibration =
      find_bench_calibration(network, options.network, engine_options, engine_options.pixel_input);
  EngineNotes notes = notes_of(network, options.network, calibration);
  const lab::Nanoseconds start = lab::system_clock().now();
  Engine engine = build_engine(std::move(network), engine_options, calibration);
  const double build_ms = lab::elapsed_ms(start);
  return {std::move(engine), std::move(calibration), std::move(notes), build_ms};
}

/// Saves the engine, and loads it again to see that it is the same.
void save(Built& built, const std::string& file) {
  const lab::Nanoseconds start = lab::system_clock().now();
  built.engine.save(file, built.notes);
  built.save_ms = lab::elapsed_ms(start);
  const lab::Nanoseconds saved = lab::system_clock().now();
  const Engine loaded = Engine::load(file, {.threads = built.engine.threads()});
  built.load_ms = lab::elapsed_ms(saved);
  if (loaded.hash() != built.engine.hash())
    throw Error(ErrorCode::kInternal, fmt::format("{}: loaded with hash {}, expected {}", file, loaded.hash(),
                                                  built.engine.hash()));
}

/// Kernel calls of a plan by instruction set.
std::map<std::string, int> calls_by_isa(const Engine& engine) {
  std::map<std::string, int> calls;
  for (const StepInfo& step : engine.steps()) ++calls[step.kernel.substr(step.kernel.rfind('/') + 1)];
  return calls;
}

void print_built(const BuildArguments& options, const Built& built) {
  const Engine& engine = built.engine;
  const MemoryInfo memory = engine.memory();
  const std::uint64_t bytes = std::filesystem::file_size(options.file);
  if (options.output.json()) {
    print_json({{"network", engine.network_name()},
                {"precision", to_string(engine.precision())},
                {"batch", engine.max_batch()},
                {"threads", engine.threads()},
                {"isa", engine.target()},
                {"input_type", options.input_type},
                {"calibration", to_json(built.calibration)},
                {"notes", built.notes},
                {"engine_hash", engine.hash()},
                {"kernels", calls_by_isa(engine)},
                {"weight_bytes", memory.weight_bytes},
                {"memory_bytes", memory.total()},
                {"file", options.file},
                {"file_bytes", bytes},
                {"build_ms", built.build_ms},
                {"save_ms", built.save_ms},
                {"load_ms", built.load_ms}});
    return;
  }
  fmt::print("{}, {}, batch {}, {} {}, {}, input {}\n", engine.network_name(), to_string(engine.precision()),
             engine.max_batch(), engine.threads(), engine.threads() == 1 ? "thread" : "threads",
             engine.target(), options.input_type);
  std::string calls;
  for (const auto& [isa, count] : calls_by_isa(engine))
    calls += fmt::format("{}{} {}", calls.empty() ? "" : ", ", count, isa);
  fmt::print("kernels     {}\n", calls);
  fmt::print("memory      {} = {} packed weights + {} activations and scratch\n",
             format_bytes(memory.total()), format_bytes(memory.weight_bytes),
             format_bytes(memory.arena_bytes));
  fmt::print("time        built in {:.1f} ms, saved in {:.1f} ms, loads in {:.1f} ms\n", built.build_ms,
             built.save_ms, built.load_ms);
  fmt::print("file        {}, {}, engine {}\n", options.file, format_bytes(bytes), engine.hash());
}

int run(const BuildArguments& options) {
  if (!is_saved_engine(options.file))
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("--output: expected a name ending in .octet, got '{}'", options.file));
  build_options(options.engine);  // what is wrong with the options is said before a large network is loaded
  EngineOptions engine_options = options.engine;
  engine_options.pixel_input = pixel_input(options.input_type, options.engine.precision);
  Built built = build(options, engine_options);
  save(built, options.file);
  print_built(options, built);
  return kSuccess;
}

}  // namespace

void add_build(CLI::App& program, Run& selected) {
  auto options = std::make_shared<BuildArguments>();
  CLI::App* command = program.add_subcommand("build", "an engine saved to a file that loads at once");
  add_network_options(*command, options->network);
  command->add_option("-o,--output", options->file, "where it goes")->type_name("F.octet")->required();
  add_input_type_option(*command, options->input_type);
  add_engine_options(*command, options->engine);
  add_output_options(*command, options->output);
  command->footer(
      "octet bench, run, classify, profile and inspect take the file in place of NET; --batch, --threads,\n"
      "--cpus, --pin and --memory-limit are chosen then. It is for this build of Octet, and for CPUs that\n"
      "have the instruction set of its kernels (--isa).\n\n"
      "Example:\n  octet build resnet-50 --precision int8 --calibration cal.json --batch 8 -o "
      "resnet-50.octet");
  command->callback([options, &selected] { selected = [options] { return run(*options); }; });
}

}  // namespace octet::tools
