// octet profile: where the time goes, layer by layer, against what this machine can do.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <vector>

#include "lab/profile/layer_profile.h"
#include "lab/profile/measure_layers.h"
#include "octet/error.h"
#include "octet/machine.h"
#include "tools/octet/command.h"
#include "tools/octet/common_options.h"
#include "tools/octet/saved_engine.h"
#include "tools/support/json_output.h"
#include "tools/support/progress.h"
#include "tools/support/table.h"

namespace octet::tools {
namespace {

struct ProfileArguments {
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

Table layer_table(const lab::LayerProfile& profile) {
  Table table({{"layer"},
               {"kernel"},
               {"ms", kRight},
               {"share %", kRight},
               {"GOPS", kRight},
               {"of peak %", kRight},
               {"GB/s", kRight},
               {"bound ms", kRight},
               {"of bound %", kRight},
               {"bound by"},
               {"waiting ms", kRight}});
  for (const lab::LayerFigures& layer : profile.layers)
    table.add_row({layer.layer, layer.kernel, fmt::format("{:.3f}", layer.ms),
                   fmt::format("{:.1f}", 100 * layer.share), fmt::format("{:.1f}", layer.gops),
                   fmt::format("{:.0f}", 100 * layer.peak_share), fmt::format("{:.1f}", layer.gbps),
                   fmt::format("{:.3f}", layer.bound.ms()), fmt::format("{:.0f}", 100 * layer.bound_share),
                   layer.bound.by(), fmt::format("{:.3f}", layer.wait_ms)});
  return table;
}

/// Changes have a sign; the whole times at both ends have none.
Table waterfall_table(const std::vector<lab::WaterfallStep>& steps) {
  Table table({{"step"}, {"ms", kRight}, {"what it is"}});
  for (const lab::WaterfallStep& step : steps) {
    const bool whole = &step == &steps.front() || &step == &steps.back();
    table.add_row(
        {step.step, whole ? fmt::format("{:.3f}", step.ms) : fmt::format("{:+.3f}", step.ms), step.text});
  }
  return table;
}

std::string peaks_in_words(const MachinePeaks& peak) {
  std::string words = fmt::format("{:.0f} GFLOPS FP32", peak.fp32_gflops);
  if (peak.bf16_gflops > 0) words += fmt::format(", {:.0f} BF16", peak.bf16_gflops);
  if (peak.int8_gops > 0) words += fmt::format(", {:.0f} GOPS INT8", peak.int8_gops);
  words += fmt::format("; reading {:.0f} GB/s from L1, {:.0f} from L2", peak.l1_read_gbps, peak.l2_read_gbps);
  if (peak.l3_read_gbps > 0) words += fmt::format(", {:.0f} from L3", peak.l3_read_gbps);
  if (peak.memory_read_gbps > 0) words += fmt::format(", {:.1f} from memory", peak.memory_read_gbps);
  words += fmt::format("; finishing {:.0f} G outputs/s FP32", peak.fp32_outputs_gps);
  if (peak.int8_outputs_gps > 0) words += fmt::format(", {:.0f} INT8", peak.int8_outputs_gps);
  return words;
}

std::string sums_in_words(const lab::LayerProfile& profile) {
  const double accounted = profile.sum_ms + profile.waiting_ms;
  return fmt::format(
      "The layers take {:.3f} ms and waiting for other threads {:.3f} ms, together {:.1f} % of the whole "
      "run's "
      "{:.3f} ms ({:.3f} ms without the clock reads).",
      profile.sum_ms, profile.waiting_ms, profile.whole_ms > 0 ? 100 * accounted / profile.whole_ms : 0.0,
      profile.whole_ms, profile.untimed_ms);
}

constexpr const char* kWaterfallTitle = "From the operations at FP32's peak to the time measured:";

void print_text(const lab::LayerProfile& profile) {
  fmt::print("{}, {}, batch {}, {} threads, {}\npeaks: {}\n\n", profile.network, profile.precision,
             profile.batch, profile.threads, profile.isa, peaks_in_words(profile.peak));
  layer_table(profile).print();
  fmt::print("\n{}\n", sums_in_words(profile));
  if (profile.waterfall.empty()) return;
  fmt::print("\n{}\n\n", kWaterfallTitle);
  waterfall_table(profile.waterfall).print();
}

void print_markdown(const lab::LayerProfile& profile) {
  fmt::print("### {}, {}, batch {}, {} threads, {}\n\n{}. Peaks measured: {}.\n\n", profile.network,
             profile.precision, profile.batch, profile.threads, profile.isa, describe_machine().cpu_model,
             peaks_in_words(profile.peak));
  fmt::print("{}\n{}\n", layer_table(profile).to_markdown(), sums_in_words(profile));
  if (profile.waterfall.empty()) return;
  fmt::print("\n{}\n\n{}", kWaterfallTitle, waterfall_table(profile.waterfall).to_markdown());
}

lab::LayerProfile measure(const ProfileArguments& options, const Engine& engine) {
  Progress progress("profile");
  lab::LayerMeasurement measurement;
  measurement.iterations = options.iterations;
  measurement.seed = options.network.seed;
  if (!options.engine.memory_limit.empty()) measurement.memory_limit = memory_limit_of(options.engine);
  measurement.on_progress = [&](double done) { progress.update(done); };
  return lab::derive_layer_profile(lab::measure_layers(engine, measurement));
}

int run(const ProfileArguments& options) {
  if (options.iterations < 1)
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("--iterations: expected 1 or more, got {}", options.iterations));
  const Engine engine = [&] {
    if (is_saved_engine(options.network.net)) return load_engine(options.network, options.engine);
    const Network network = open_network(options.network, memory_limit_of(options.engine));
    return build_engine(network, options.engine,
                        find_calibration(network, options.engine, options.network.seed));
  }();
  const lab::LayerProfile profile = measure(options, engine);
  if (options.output.json())
    print_json(to_document(profile));
  else if (options.output.markdown())
    print_markdown(profile);
  else
    print_text(profile);
  return 0;
}

}  // namespace

void add_profile(CLI::App& program, Run& selected) {
  auto options = std::make_shared<ProfileArguments>();
  CLI::App* command =
      program.add_subcommand("profile", "time of each layer against this machine's measured peaks");
  add_network_options(*command, options->network);
  command->add_option("--iterations", options->iterations, "runs; figures are their medians")->type_name("N");
  add_engine_options(*command, options->engine);
  add_output_options(*command, options->output, true);
  command->footer(
      "A layer's time is its CPU time divided by the threads; what threads waited for others behind it "
      "stands\n"
      "apart. GOPS and the share of the peak count 2 operations a MAC as the layer is defined (Winograd may "
      "exceed\n"
      "100 %). Its bound is the least time that the measured peaks allow, by what it needs longest: compute "
      "(the\n"
      "kernel's own operations), l2, l3 or memory (its bytes, where they lie), epilogue (making sums into\n"
      "outputs). The waterfall leads from the network's operations at FP32's peak to the time measured: "
      "what\n"
      "INT8's instructions save, and what the kernels, memory, other layers, layout and waiting take.\n\n"
      "NET may be a saved engine (octet build).\n\n"
      "Example:\n  octet profile googlenet --batch 8");
  command->callback([options, &selected] { selected = [options] { return run(*options); }; });
}

}  // namespace octet::tools
