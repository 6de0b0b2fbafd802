// octet profile: where the time goes, layer by layer, against what this machine can do.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <vector>

#include "lab/profile/layer_profile.h"
#include "lab/profile/measure_layers.h"
#include "octet/error.h"
#include "tools/octet/command.h"
#include "tools/octet/common_options.h"
#include "tools/support/json_output.h"
#include "tools/support/progress.h"
#include "tools/support/table.h"

namespace octet::tools {
namespace {

struct Options {
  NetworkOptions network;
  EngineOptions engine;
  OutputOptions output;
  int iterations = 20;
};

/// As results.json has it, with the older name of `gops` beside it.
Json to_document(const lab::LayerProfile& profile) {
  Json document = lab::to_json(profile);
  for (Json& layer : document["layers"]) layer["gflops"] = layer["gops"];
  return document;
}

void print_layers(const lab::LayerProfile& profile) {
  constexpr auto kRight = Table::Align::kRight;
  Table table({{"layer"},
               {"kernel"},
               {"ms", kRight},
               {"share %", kRight},
               {"GOPS", kRight},
               {"of peak %", kRight},
               {"GB/s", kRight},
               {"bound by"}});
  for (const lab::LayerFigures& layer : profile.layers)
    table.add_row({layer.layer, layer.kernel, fmt::format("{:.3f}", layer.ms),
                   fmt::format("{:.1f}", 100 * layer.share), fmt::format("{:.1f}", layer.gops),
                   fmt::format("{:.0f}", 100 * layer.peak_share), fmt::format("{:.1f}", layer.gbps),
                   layer.bound});
  table.print();
}

/// Changes have a sign; the whole times at both ends have none.
void print_waterfall(const std::vector<lab::WaterfallStep>& steps) {
  if (steps.empty()) return;
  fmt::print("\nfrom the operations at FP32's peak to the time measured:\n\n");
  Table table({{"step"}, {"ms", Table::Align::kRight}, {"what it is"}});
  for (const lab::WaterfallStep& step : steps) {
    const bool whole = &step == &steps.front() || &step == &steps.back();
    table.add_row(
        {step.step, whole ? fmt::format("{:.3f}", step.ms) : fmt::format("{:+.3f}", step.ms), step.text});
  }
  table.print();
}

void print_text(const lab::LayerProfile& profile) {
  fmt::print(
      "{}, {}, batch {}, {} threads, {}; peaks {:.0f} GFLOPS, {:.0f} INT8 GOPS, {:.1f} GB/s from memory\n\n",
      profile.network, profile.precision, profile.batch, profile.threads, profile.isa,
      profile.peak.fp32_gflops, profile.peak.int8_gops, profile.peak.memory_read_gbps);
  print_layers(profile);
  fmt::print(
      "\nsum of the layers {:.3f} ms, whole run {:.3f} ms ({:.3f} ms without the clock reads);\nthe rest is "
      "threads waiting for each other or for other programs\n",
      profile.sum_ms, profile.whole_ms, profile.untimed_ms);
  print_waterfall(profile.waterfall);
}

lab::LayerProfile measure(const Options& options, const Engine& engine) {
  Progress progress("profile");
  lab::LayerMeasurement measurement;
  measurement.iterations = options.iterations;
  measurement.seed = options.network.seed;
  measurement.on_progress = [&](double done) { progress.update(done); };
  return lab::derive_layer_profile(lab::measure_layers(engine, measurement));
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
  const lab::LayerProfile profile = measure(options, engine);
  if (options.output.json())
    print_json(to_document(profile));
  else
    print_text(profile);
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
      "(activations, and weights once a group of images) at the speed of memory. The waterfall leads from "
      "the\n"
      "network's operations at FP32's peak to the time measured: what INT8's instructions save, and what "
      "the\n"
      "kernels, memory, other layers, layout and waiting take.\n\n"
      "Example:\n  octet profile googlenet --batch 8");
  command->callback([options, &selected] { selected = [options] { return run(*options); }; });
}

}  // namespace octet::tools
