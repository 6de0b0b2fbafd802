// octet bench: throughput and latency on synthetic images.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>

#include "octet/error.h"
#include "tools/octet/bench_row.h"
#include "tools/octet/bench_samples.h"
#include "tools/octet/bench_system.h"
#include "tools/octet/command.h"
#include "tools/octet/common_options.h"
#include "tools/octet/energy_measurement.h"
#include "tools/octet/saved_engine.h"
#include "tools/octet/server_report.h"
#include "tools/support/program.h"
#include "tools/support/progress.h"

namespace octet::tools {
namespace {

struct BenchArguments {
  NetworkOptions network;
  EngineOptions engine;
  EnergyOptions energy;
  OutputOptions output;
  std::string scenario = "offline";
  std::string input_type = "fp32";
  double duration_s = 5;
  int iterations = 0;
  double warmup_s = lab::WarmupLimits{}.most_s;
  std::optional<double> qps;
  std::optional<double> p99_ms;
  double tolerance = lab::ServerSettings{}.tolerance;
  std::string samples;
};

[[noreturn]] void refuse(const std::string& message) { throw Error(ErrorCode::kInvalidArgument, message); }

lab::LoadSettings load_settings(const BenchArguments& options) {
  if (options.qps || options.p99_ms)
    refuse(fmt::format("--qps and --p99: expected --scenario server with them, got {}", options.scenario));
  lab::LoadSettings settings;
  settings.scenario = lab::parse_scenario(options.scenario);
  settings.batch = options.engine.batch;
  settings.duration_s = options.duration_s;
  settings.iterations = options.iterations;
  settings.warmup.most_s = options.warmup_s;
  lab::check(settings);
  return settings;
}

lab::ServerSettings server_settings(const BenchArguments& options) {
  if (!options.p99_ms)
    refuse("--scenario server: expected --p99 MS, the latency that 99 % of the requests must keep");
  if (options.iterations != 0)
    refuse("--iterations: the server scenario has a schedule instead; expected --duration");
  lab::ServerSettings settings;
  settings.p99_ms = *options.p99_ms;
  settings.max_batch = options.engine.batch;
  settings.seed = options.network.seed;
  settings.duration_s = options.duration_s;
  settings.tolerance = options.tolerance;
  settings.warmup.most_s = options.warmup_s;
  lab::check(settings);
  if (options.qps) lab::poisson_arrivals(*options.qps, 0, settings.seed);  // says what is wrong with a rate
  return settings;
}

struct Bench {
  BenchRow row;
  std::optional<ServerReport> server;
  Json record;  ///< raw samples, if they are wanted
};

Bench bench_load(const BenchArguments& options, lab::LoadSettings settings, lab::OctetSystem& system,
                 const EnergyMeasurement& energy) {
  Bench bench;
  const std::string output_hash = system.output_hash();
  Progress progress("bench");
  settings.on_progress = [&](double done) { progress.update(done); };
  const lab::ObservedMeasurement measured = lab::measure_observed(system, settings);
  const std::vector<lab::Window> windows = lab::round_windows(measured.measurement);
  bench.row = row_of(measured);
  bench.row.output_hash = output_hash;
  bench.row.energy =
      energy.row(system.info(), lab::images_in(measured.measurement), windows, bench.row.judgement);
  if (!options.samples.empty())
    bench.record =
        throughput_record(system.info(), output_hash, settings.batch, measured, energy.traces(windows));
  return bench;
}

Bench bench_server(const BenchArguments& options, lab::ServerSettings settings, lab::OctetSystem& system,
                   const EnergyMeasurement& energy) {
  Bench bench;
  const std::string output_hash = system.output_hash();
  Progress progress("bench");
  int trial = 0;
  settings.before_trial = [&](int number) { trial = number; };
  settings.on_progress = [&](double done) { progress.update(done, fmt::format("trial {}", trial + 1)); };
  const lab::ObservedSearch search = lab::measure_server(system, settings, options.qps);
  bench.server = server_report(search, settings, !options.qps);
  bench.row = bench.server->shown_row;
  bench.row.output_hash = output_hash;
  const std::vector<lab::Window> windows = {bench.server->shown_window};
  bench.row.energy = energy.row(system.info(), static_cast<double>(bench.server->shown().figures.requests),
                                windows, bench.row.judgement);
  if (!options.samples.empty()) bench.record = server_record(system.info(), settings, search);
  return bench;
}

Json document_of(const BenchArguments& options, const BenchSystem& subject, const Bench& bench) {
  Json document = to_json(bench.row);
  document["input_type"] = options.input_type;
  document["synthetic_weights"] = subject.synthetic_weights;
  document["seed"] = options.network.seed;
  document["calibration"] = octet::tools::to_json(subject.calibration);
  document["saved_engine"] = is_saved_engine(options.network.net) ? Json(options.network.net) : Json();
  if (bench.server) document["server"] = to_json(*bench.server);
  return document;
}

void print_text(const BenchArguments& options, const BenchSystem& subject, const Bench& bench) {
  const lab::SystemInfo& info = bench.row.info;
  fmt::print(
      "{}, {}, batch {}, {} {}, {}, {}{}{}\n", info.network, info.precision, bench.row.batch, info.threads,
      info.threads == 1 ? "thread" : "threads", info.isa, options.scenario,
      options.input_type == "u8" ? ", input u8" : "",
      subject.synthetic_weights ? fmt::format(", synthetic weights of seed {}", options.network.seed) : "");
  if (bench.server) print_text(*bench.server);
  print_text(bench.row);
}

/// Sets the options to what the saved engine is.
BenchSystem load(BenchArguments& options) {
  BenchSystem loaded = load_bench_system(options.network, options.engine);
  const Engine& engine = loaded.system->engine();
  options.engine.batch = engine.max_batch();
  options.engine.precision = to_string(engine.precision());
  options.input_type = engine.pixel_input() ? "u8" : "fp32";
  return loaded;
}

int run(BenchArguments options) {
  // What is wrong with the options is said before a large network is loaded; what a saved engine settles is
  // known when it is loaded.
  build_options(options.engine);
  const bool saved = is_saved_engine(options.network.net);
  BenchSystem subject;
  if (saved) subject = load(options);
  const bool pixels = pixel_input(options.input_type, options.engine.precision);
  const bool server = lab::parse_scenario(options.scenario) == lab::Scenario::kServer;
  std::optional<lab::LoadSettings> load;
  std::optional<lab::ServerSettings> requests;
  if (server)
    requests = server_settings(options);
  else
    load = load_settings(options);
  if (!options.samples.empty()) check_samples_file(options.samples);
  EnergyMeasurement energy(options.energy);

  if (!saved) subject = build_bench_system(options.network, options.engine, pixels);
  energy.start();
  Bench bench = server ? bench_server(options, *requests, *subject.system, energy)
                       : bench_load(options, *load, *subject.system, energy);
  bench.row.info = subject.system->info();
  bench.row.batch = options.engine.batch;
  bench.row.scenario = options.scenario;
  if (saved)
    bench.row.load_ms = subject.load_ms;
  else
    bench.row.build_ms = subject.build_ms;
  if (options.output.json())
    print_json(document_of(options, subject, bench));
  else
    print_text(options, subject, bench);
  if (!options.samples.empty()) write_samples(options.samples, bench.record);
  return kSuccess;
}

}  // namespace

void add_bench(CLI::App& program, Run& selected) {
  auto options = std::make_shared<BenchArguments>();
  CLI::App* command = program.add_subcommand("bench", "throughput and latency on synthetic images");
  add_network_options(*command, options->network);
  command
      ->add_option(
          "--scenario", options->scenario,
          "offline: batches one after the other; single-stream: one image at a time; server: requests "
          "at random times")
      ->type_name("NAME");
  command->add_option("--duration", options->duration_s, "seconds to measure (each trial of a server)")
      ->type_name("S");
  command->add_option("--iterations", options->iterations, "batches to measure, instead of --duration")
      ->type_name("N");
  command->add_option("--warmup", options->warmup_s, "most seconds to run before, until it is steady")
      ->type_name("S");
  command->add_option("--qps", options->qps, "server: requests a second; without it the highest is searched")
      ->type_name("Q");
  command->add_option("--p99", options->p99_ms, "server: latency that 99 % of the requests must keep")
      ->type_name("MS");
  command->add_option("--tolerance", options->tolerance, "server: how near the highest rate is searched")
      ->type_name("SHARE");
  add_input_type_option(*command, options->input_type);
  command->add_option("--samples", options->samples, "writes every call's times to this file (JSON)")
      ->type_name("FILE");
  add_engine_options(*command, options->engine);
  add_energy_options(*command, options->energy);
  add_output_options(*command, options->output);
  command->footer(
      "Latency is from the input's bytes in memory to the output's. The result is VALID, or SUSPECT or "
      "INVALID\n"
      "with reasons: what the machine did meanwhile, or samples that are few, unsteady or drift.\n"
      "A server's latency counts from the scheduled arrival; a rate is kept if the 99th percentile is "
      "within\n"
      "--p99 with 99 % confidence, which takes 459 requests or more; up to --batch waiting requests are "
      "served\n"
      "together. NET may be a saved engine (octet build).\n\n"
      "Example:\n  octet bench resnet-50 --batch 32 --duration 10\n"
      "  octet bench resnet-50 --scenario server --batch 8 --p99 100");
  command->callback([options, &selected] { selected = [options] { return run(*options); }; });
}

}  // namespace octet::tools
