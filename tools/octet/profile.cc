// octet profile: where the time goes, layer by layer, against what this machine can do.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <memory>

#include "lab/bench/bindings.h"
#include "lab/bench/statistics.h"
#include "octet/error.h"
#include "octet/machine.h"
#include "tools/octet/command.h"
#include "tools/octet/common_options.h"
#include "tools/support/json_output.h"
#include "tools/support/progress.h"
#include "tools/support/table.h"

namespace octet::tools {
namespace {

constexpr int kWarmupCalls = 2;

struct Options {
  NetworkOptions network;
  EngineOptions engine;
  OutputOptions output;
  int iterations = 20;
};

/// A layer's time is its CPU time over all threads divided by their number: what it adds to the wall clock
/// when all threads work. Its bytes are the images' activations, read and written, and its weights once a
/// group of images. It is bound by what would take longer at this machine's measured peaks: its arithmetic
/// (2 operations a MAC, of the layer as defined, so that Winograd may exceed 100 %; the peak of INT8 for
/// kernels on bytes, of FP32 for all others) or its bytes at the speed of memory, which layers whose data
/// stay in a cache may exceed.
struct LayerProfile {
  StepInfo step;
  double ms = 0;          // median over the runs
  double gflops = 0;      // 1e9 operations a second
  double peak_share = 0;  // of the type's peak, 0..1
  double gbps = 0;
  const char* bound = "memory";
};

struct Profile {
  std::vector<LayerProfile> layers;
  MachinePeaks peaks;
  double sum_ms = 0;
  double whole_ms = 0;    // median of a timed run
  double untimed_ms = 0;  // median of a run without the clock reads
};

LayerProfile profile_layer(const StepInfo& step, double ms, int batch, const MachinePeaks& peaks) {
  LayerProfile layer{step, ms};
  const double gops = 2e-9 * static_cast<double>(step.macs) * batch;
  const int groups = (batch + step.images_per_group - 1) / std::max(1, step.images_per_group);
  const double gbytes = 1e-9 * (static_cast<double>(step.input_bytes + step.output_bytes) * batch +
                                static_cast<double>(step.weight_bytes) * groups);
  if (ms > 0) {
    layer.gflops = gops / (ms * 1e-3);
    layer.gbps = gbytes / (ms * 1e-3);
  }
  const bool integers = step.kernel.find("_i8/") != std::string::npos;
  const double peak = integers && peaks.int8_gops > 0 ? peaks.int8_gops : peaks.fp32_gflops;
  if (peak > 0) {
    layer.peak_share = layer.gflops / peak;
    if (peaks.memory_read_gbps > 0 && gops / peak >= gbytes / peaks.memory_read_gbps) layer.bound = "compute";
  }
  return layer;
}

double elapsed_ms(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

Profile measure(const Options& options, const Engine& engine) {
  Profile profile;
  profile.peaks = measure_peaks(engine.threads(), engine.isa());
  Context context = engine.create_context();
  const int batch = engine.max_batch();
  lab::Bindings bindings(engine, batch, options.network.seed);
  const std::vector<StepInfo> steps = engine.steps();
  std::vector<std::vector<double>> step_ms(steps.size());
  std::vector<double> whole_ms, untimed_ms;
  std::vector<StepTime> times;
  Progress progress("profile");
  for (int i = -kWarmupCalls; i < options.iterations; ++i) {
    auto start = std::chrono::steady_clock::now();
    bindings.run(context, batch);
    const double untimed = elapsed_ms(start);
    start = std::chrono::steady_clock::now();
    bindings.run_timed(context, batch, times);
    const double whole = elapsed_ms(start);
    if (i < 0) continue;
    untimed_ms.push_back(untimed);
    whole_ms.push_back(whole);
    for (std::size_t s = 0; s < steps.size(); ++s) step_ms[s].push_back(times[s].busy_ms / engine.threads());
    progress.update(static_cast<double>(i + 1) / options.iterations);
  }
  for (std::size_t s = 0; s < steps.size(); ++s) {
    profile.layers.push_back(profile_layer(steps[s], lab::median(step_ms[s]), batch, profile.peaks));
    profile.sum_ms += profile.layers.back().ms;
  }
  profile.whole_ms = lab::median(whole_ms);
  profile.untimed_ms = lab::median(untimed_ms);
  return profile;
}

Json to_json(const Engine& engine, const Profile& profile) {
  Json layers = Json::array();
  for (const LayerProfile& layer : profile.layers)
    layers.push_back({{"layer", layer.step.layer},
                      {"op", layer.step.op},
                      {"kernel", layer.step.kernel},
                      {"ms", layer.ms},
                      {"share", profile.sum_ms > 0 ? 100 * layer.ms / profile.sum_ms : 0},
                      {"gflops", layer.gflops},
                      {"peak_share", 100 * layer.peak_share},
                      {"gbps", layer.gbps},
                      {"bound", layer.bound}});
  return {{"network", engine.network_name()},
          {"precision", to_string(engine.precision())},
          {"batch", engine.max_batch()},
          {"threads", engine.threads()},
          {"isa", to_string(engine.isa())},
          {"layers", std::move(layers)},
          {"peak",
           {{"fp32_gflops", profile.peaks.fp32_gflops},
            {"int8_gops", profile.peaks.int8_gops},
            {"memory_read_gbps", profile.peaks.memory_read_gbps},
            {"l2_read_gbps", profile.peaks.l2_read_gbps}}},
          {"sum_ms", profile.sum_ms},
          {"whole_ms", profile.whole_ms},
          {"untimed_ms", profile.untimed_ms}};
}

void print_text(const Engine& engine, const Profile& profile) {
  fmt::print(
      "{}, {}, batch {}, {} threads, {}; peaks {:.0f} GFLOPS, {:.0f} INT8 GOPS, {:.1f} GB/s from memory\n\n",
      engine.network_name(), to_string(engine.precision()), engine.max_batch(), engine.threads(),
      to_string(engine.isa()), profile.peaks.fp32_gflops, profile.peaks.int8_gops,
      profile.peaks.memory_read_gbps);
  constexpr auto kRight = Table::Align::kRight;
  Table table({{"layer"},
               {"kernel"},
               {"ms", kRight},
               {"share %", kRight},
               {"GOPS", kRight},
               {"of peak %", kRight},
               {"GB/s", kRight},
               {"bound by"}});
  for (const LayerProfile& layer : profile.layers)
    table.add_row({layer.step.layer, layer.step.kernel, fmt::format("{:.3f}", layer.ms),
                   fmt::format("{:.1f}", profile.sum_ms > 0 ? 100 * layer.ms / profile.sum_ms : 0),
                   fmt::format("{:.1f}", layer.gflops), fmt::format("{:.0f}", 100 * layer.peak_share),
                   fmt::format("{:.1f}", layer.gbps), layer.bound});
  table.print();
  fmt::print(
      "\nsum of the layers {:.3f} ms, whole run {:.3f} ms ({:.3f} ms without the clock reads);\nthe rest is "
      "threads waiting for each other or for other programs\n",
      profile.sum_ms, profile.whole_ms, profile.untimed_ms);
}

int run(const Options& options) {
  if (options.iterations < 1)
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("--iterations: expected 1 or more, got {}", options.iterations));
  const Engine engine = [&] {
    const Network network = open_network(options.network);
    return build_engine(network, options.engine,
                        find_calibration(network, options.engine, options.network.seed));
  }();
  const Profile profile = measure(options, engine);
  if (options.output.json())
    print_json(to_json(engine, profile));
  else
    print_text(engine, profile);
  return 0;
}

}  // namespace

void add_profile(CLI::App& program, Run& selected) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      program.add_subcommand("profile", "time of each layer against this machine's measured peaks");
  add_network_options(*command, options->network);
  command->add_option("--iterations", options->iterations, "runs; figures are their medians")->type_name("N");
  add_engine_options(*command, options->engine);
  add_output_options(*command, options->output);
  command->footer(
      "A layer's time is its CPU time divided by the threads. It is bound by whichever takes longer at the\n"
      "measured peaks: its operations (2 a MAC as the layer is defined; Winograd may exceed 100 %) or its "
      "bytes\n"
      "(activations, and weights once a group of images) at the speed of memory.\n\n"
      "Example:\n  octet profile googlenet --batch 8");
  command->callback([options, &selected] { selected = [options] { return run(*options); }; });
}

}  // namespace octet::tools
