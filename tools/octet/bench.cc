// octet bench: throughput and latency on synthetic images.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "lab/bench/measure.h"
#include "lab/bench/octet_system.h"
#include "octet/error.h"
#include "tools/octet/command.h"
#include "tools/octet/common_options.h"
#include "tools/support/json_output.h"
#include "tools/support/progress.h"

namespace octet::tools {
namespace {

struct Options {
  NetworkOptions network;
  EngineOptions engine;
  OutputOptions output;
  std::string scenario = "offline";
  double duration_s = 5;
  int iterations = 0;
  double warmup_s = 5;
};

lab::LoadSettings load_settings(const Options& options) {
  lab::LoadSettings settings;
  settings.scenario = lab::parse_scenario(options.scenario);
  settings.batch = options.engine.batch;
  settings.duration_s = options.duration_s;
  settings.iterations = options.iterations;
  settings.warmup.most_s = options.warmup_s;
  lab::check(settings);
  return settings;
}

struct Validity {
  bool valid = true;
  std::vector<std::string> reasons;
  const char* word() const { return valid ? "VALID" : "SUSPECT"; }
};

Validity judge(const lab::Summary& rate, std::size_t calls) {
  Validity validity;
  if (calls < 5) validity.reasons.push_back(fmt::format("{} timed calls, fewer than 5", calls));
  if (rate.cv > 0.05)
    validity.reasons.push_back(fmt::format("throughput varies by {:.1f} %, more than 5 %", 100 * rate.cv));
  validity.valid = validity.reasons.empty();
  return validity;
}

struct Result {
  lab::Measurement load;
  lab::Summary rate;  // images/s
  lab::Latency latency;
  Validity validity;
  std::string output_hash;  // of the first synthetic image's outputs
};

Result measure(const Engine& engine, const lab::LoadSettings& settings, std::uint64_t seed) {
  lab::OctetSystem system(engine, nullptr, seed);
  Result result;
  result.output_hash = system.output_hash();
  Progress progress("bench");
  lab::LoadSettings with_progress = settings;
  with_progress.on_progress = [&](double done) { progress.update(done); };
  result.load = lab::measure(system, with_progress);
  result.rate = lab::summarize(lab::window_rates(result.load));
  result.latency = lab::latency(result.load);
  result.validity = judge(result.rate, result.load.calls.size());
  return result;
}

struct Subject {
  Engine engine;
  UsedCalibration calibration;
  bool synthetic_weights = false;
};

// The network is let go once the engine has packed its weights.
Subject prepare(const Options& options) {
  const Network network = open_network(options.network);
  UsedCalibration calibration = find_calibration(network, options.engine, options.network.seed);
  Engine engine = build_engine(network, options.engine, calibration);
  return {std::move(engine), std::move(calibration), network.synthetic_weights()};
}

Json to_json(const Options& options, const Subject& subject, const Result& result) {
  const Engine& engine = subject.engine;
  const lab::Summary& rate = result.rate;
  const lab::Latency& latency = result.latency;
  return {{"network", engine.network_name()},
          {"precision", to_string(engine.precision())},
          {"batch", options.engine.batch},
          {"threads", engine.threads()},
          {"isa", to_string(engine.isa())},
          {"scenario", options.scenario},
          {"synthetic_weights", subject.synthetic_weights},
          {"seed", options.network.seed},
          {"calibration", octet::tools::to_json(subject.calibration)},
          {"images_per_second",
           {{"median", rate.median},
            {"min", rate.min},
            {"max", rate.max},
            {"cv", rate.cv},
            {"ci95", {rate.ci95.low, rate.ci95.high}}}},
          {"latency_ms",
           {{"mean", latency.mean}, {"p50", latency.p50}, {"p90", latency.p90}, {"p99", latency.p99}}},
          {"calls", result.load.calls.size()},
          {"memory_bytes", engine.memory().total()},
          {"engine_hash", engine.hash()},
          {"output_hash", result.output_hash},
          {"validity", result.validity.word()},
          {"validity_reasons", result.validity.reasons}};
}

void print_text(const Options& options, const Subject& subject, const Result& result) {
  const Engine& engine = subject.engine;
  const lab::Summary& rate = result.rate;
  const lab::Latency& latency = result.latency;
  fmt::print(
      "{}, {}, batch {}, {} {}, {}, {}{}\n", engine.network_name(), to_string(engine.precision()),
      options.engine.batch, engine.threads(), engine.threads() == 1 ? "thread" : "threads",
      to_string(engine.isa()), options.scenario,
      subject.synthetic_weights ? fmt::format(", synthetic weights of seed {}", options.network.seed) : "");
  fmt::print(
      "throughput  {:.2f} images/s (median; 95 % {:.2f} to {:.2f}; min {:.2f}, max {:.2f}; variation {:.1f} "
      "%)\n",
      rate.median, rate.ci95.low, rate.ci95.high, rate.min, rate.max, 100 * rate.cv);
  fmt::print("latency     {:.3f} ms a batch (mean; p50 {:.3f}, p90 {:.3f}, p99 {:.3f}; {} batches)\n",
             latency.mean, latency.p50, latency.p90, latency.p99, result.load.calls.size());
  const MemoryInfo memory = engine.memory();
  fmt::print("memory      {} ({} weights, {} activations)\n", format_bytes(memory.total()),
             format_bytes(memory.weight_bytes), format_bytes(memory.arena_bytes));
  if (subject.calibration.calibration != nullptr)
    fmt::print("calibration {} ({})\n", subject.calibration.calibration->hash(), subject.calibration.origin);
  fmt::print("hashes      engine {}, output {}\n", engine.hash(), result.output_hash);
  fmt::print("validity    {}\n", result.validity.word());
  for (const std::string& reason : result.validity.reasons) fmt::print("            {}\n", reason);
}

int run(const Options& options) {
  build_options(options.engine);  // says what is wrong with the options before a large network is loaded
  const lab::LoadSettings settings = load_settings(options);
  const Subject subject = prepare(options);
  const Result result = measure(subject.engine, settings, options.network.seed);
  if (options.output.json())
    print_json(to_json(options, subject, result));
  else
    print_text(options, subject, result);
  return 0;
}

}  // namespace

void add_bench(CLI::App& program, Run& selected) {
  auto options = std::make_shared<Options>();
  CLI::App* command = program.add_subcommand("bench", "throughput and latency on synthetic images");
  add_network_options(*command, options->network);
  command
      ->add_option("--scenario", options->scenario,
                   "offline: batches one after the other; single-stream: one image at a time")
      ->type_name("NAME");
  command->add_option("--duration", options->duration_s, "seconds to measure, after the warm-up")
      ->type_name("S");
  command->add_option("--iterations", options->iterations, "batches to measure, instead of --duration")
      ->type_name("N");
  command
      ->add_option("--warmup", options->warmup_s,
                   "most seconds to run before measuring; ends when it is steady")
      ->type_name("S");
  add_engine_options(*command, options->engine);
  add_output_options(*command, options->output);
  command->footer(
      "The result is SUSPECT where its throughput varies or drifts by more than 5 %, or rests on fewer than "
      "5\n"
      "batches. The output hash is of the first synthetic image's outputs: equal hashes, equal results.\n\n"
      "Example:\n  octet bench resnet-50 --batch 32 --duration 10");
  command->callback([options, &selected] { selected = [options] { return run(*options); }; });
}

}  // namespace octet::tools
