// octet worker: an engine that another program drives, as scripts/compare-peers does.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <string>

#include "lab/peers/octet_worker.h"
#include "octet/build_info.h"
#include "tools/octet/bench_system.h"
#include "tools/octet/command.h"
#include "tools/octet/common_options.h"
#include "tools/octet/saved_engine.h"
#include "tools/support/json_output.h"
#include "tools/support/program.h"

namespace octet::tools {
namespace {

struct WorkerArguments {
  NetworkOptions network;
  EngineOptions engine;
  std::string input_type = "fp32";
};

Json ready(const BenchSystem& built) {
  const lab::SystemInfo& info = built.system->info();
  return {{"version", info.version},
          {"revision", build_info().revision},
          {"isa", info.isa},
          {"threads", info.threads},
          {"hash", info.hash},
          {"memory_bytes", info.memory_bytes},
          {"open_ms", built.open_ms},
          {"calibrate_ms", built.calibrate_ms},
          {"build_ms", built.build_ms},
          {"load_ms", built.load_ms}};
}

BenchSystem make_system(const WorkerArguments& options) {
  if (is_saved_engine(options.network.net)) return load_bench_system(options.network, options.engine);
  build_options(options.engine);  // what is wrong with the options is said first
  return build_bench_system(options.network, options.engine,
                            pixel_input(options.input_type, options.engine.precision));
}

int run(const WorkerArguments& options) {
  const BenchSystem built = make_system(options);
  std::cout << ready(built).dump() << std::endl;
  lab::serve(*built.system, std::cin, std::cout);
  return kSuccess;
}

}  // namespace

void add_worker(CLI::App& program, Run& selected) {
  auto options = std::make_shared<WorkerArguments>();
  CLI::App* command = program.add_subcommand(
      "worker", "an engine that another program drives: commands and answers in lines of JSON");
  add_network_options(*command, options->network);
  add_input_type_option(*command, options->input_type);
  add_engine_options(*command, options->engine);
  command->footer(
      "When the engine is built or loaded (NET may be a saved engine), a line says how long that took. "
      "Commands, "
      "one\n"
      "a line, until the end of input:\n"
      "  {\"do\": \"input\", \"file\": F}                   images as raw values, for the whole batch\n"
      "  {\"do\": \"run\", \"batch\": N, \"count\": N}        {\"start_ns\": [...], \"stop_ns\": [...]}, "
      "each call\n"
      "  {\"do\": \"rate\", \"batch\": N, \"count\": N}       {\"start_ns\", \"stop_ns\"}, all calls "
      "together\n"
      "  {\"do\": \"output\", \"batch\": N, \"file\": F}      runs once and writes the outputs as raw "
      "FP32\n\n"
      "Example:\n  octet worker resnet-50 --precision int8 --batch 32");
  command->callback([options, &selected] { selected = [options] { return run(*options); }; });
}

}  // namespace octet::tools
