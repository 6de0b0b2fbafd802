// octet sweep: one network at rising batches and several precisions.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <sstream>

#include "lab/bench/sweep.h"
#include "octet/error.h"
#include "tools/octet/bench_row.h"
#include "tools/octet/command.h"
#include "tools/octet/common_options.h"
#include "tools/octet/energy_measurement.h"
#include "tools/support/program.h"
#include "tools/support/progress.h"
#include "tools/support/table.h"

namespace octet::tools {
namespace {

using Outcome = lab::SweepRow::Outcome;

struct SweepArguments {
  NetworkOptions network;
  EngineOptions engine;
  EnergyOptions energy;
  OutputOptions output;
  std::string batches = "1,32,64,128,256,512,1024,2048,4096";
  double time_budget_s = 0;
  double duration_s = 2;
  int iterations = 0;
  double warmup_s = lab::WarmupLimits{}.most_s;

  SweepArguments() { engine.precision = "fp32,int8"; }
};

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> words;
  std::istringstream stream(list);
  for (std::string word; std::getline(stream, word, ',');) words.push_back(word);
  return words;
}

int parse_batch(const std::string& word) {
  int batch = 0;
  if (!CLI::detail::lexical_cast(word, batch))
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("--batches: expected whole numbers such as 1,32,64; got '{}'", word));
  return batch;
}

lab::SweepSettings sweep_settings(const SweepArguments& options) {
  lab::SweepSettings settings;
  for (const std::string& word : split(options.engine.precision))
    settings.precisions.push_back(parse_precision(word));
  for (const std::string& word : split(options.batches)) settings.batches.push_back(parse_batch(word));
  settings.time_budget_s = options.time_budget_s;
  settings.memory_limit =
      options.engine.memory_limit.empty() ? lab::available_memory() : parse_size(options.engine.memory_limit);
  settings.seed = options.network.seed;
  settings.load.duration_s = options.duration_s;
  settings.load.iterations = options.iterations;
  settings.load.warmup.most_s = options.warmup_s;
  lab::check(settings);
  EngineOptions engine = options.engine;
  engine.precision = to_string(settings.precisions.front());
  settings.build = build_options(engine);
  return settings;
}

/// One calibration serves all precisions that need one.
UsedCalibration calibration_for(const SweepArguments& options, const lab::SweepSettings& settings,
                                const Network& network) {
  EngineOptions engine = options.engine;
  engine.precision = to_string(settings.precisions.front());
  for (Precision precision : settings.precisions)  // mixed asks for the most
    if (needs_calibration(precision) && engine.precision != "mixed") engine.precision = to_string(precision);
  return find_calibration(network, engine, options.network.seed);
}

struct Row {
  lab::SweepRow sweep;
  BenchRow bench;  ///< if it was measured
};

Row report_of(const lab::SweepRow& sweep, const EnergyMeasurement& energy) {
  Row row{sweep, {}};
  if (sweep.outcome != Outcome::kMeasured) return row;
  row.bench = row_of(sweep.measured);
  row.bench.info = sweep.info;
  row.bench.batch = sweep.batch;
  row.bench.scenario = lab::to_string(lab::Scenario::kOffline);
  row.bench.output_hash = sweep.output_hash;
  row.bench.build_ms = sweep.build_ms;
  const std::vector<lab::Window> windows = lab::round_windows(sweep.measured.measurement);
  row.bench.energy =
      energy.row(sweep.info, lab::images_in(sweep.measured.measurement), windows, row.bench.judgement);
  return row;
}

Json to_json(const Row& row, const std::string& network) {
  if (row.sweep.outcome == Outcome::kMeasured) return to_json(row.bench);
  Json json = {
      {"network", network}, {"precision", to_string(row.sweep.precision)}, {"batch", row.sweep.batch}};
  if (row.sweep.outcome == Outcome::kDoesNotFit) {
    json["fits"] = false;
    json["needed_bytes"] = row.sweep.needed_bytes;
    json["limit_bytes"] = row.sweep.limit_bytes;
  } else {
    json["not_run"] = true;
    json["predicted_s"] = row.sweep.predicted_s;
    json["left_s"] = row.sweep.left_s;
  }
  return json;
}

std::vector<std::string> cells_of(const Row& row) {
  std::vector<std::string> cells = {fmt::format("{}", row.sweep.batch), to_string(row.sweep.precision)};
  if (row.sweep.outcome == Outcome::kMeasured) {
    const BenchRow& bench = row.bench;
    cells.insert(cells.end(),
                 {fmt::format("{:.2f}", bench.rate.median),
                  fmt::format("{:.2f} to {:.2f}", bench.rate.ci95.low, bench.rate.ci95.high),
                  fmt::format("{:.3f}", bench.latency.mean), format_bytes(row.sweep.needed_bytes),
                  lab::to_string(bench.judgement.verdict)});
    return cells;
  }
  cells.insert(cells.end(), {"", "", "", format_bytes(row.sweep.needed_bytes)});
  cells.push_back(row.sweep.outcome == Outcome::kDoesNotFit
                      ? fmt::format("does not fit: needs {}, limit {}", format_bytes(row.sweep.needed_bytes),
                                    format_bytes(row.sweep.limit_bytes))
                      : fmt::format("not run: would take {:.1f} s, {:.1f} s are left", row.sweep.predicted_s,
                                    row.sweep.left_s));
  return cells;
}

void print_text(const std::vector<Row>& rows) {
  Table table({{"batch", kRight},
               {"precision"},
               {"images/s", kRight},
               {"95 %", kRight},
               {"ms a batch", kRight},
               {"memory", kRight},
               {"validity"}});
  for (const Row& row : rows) table.add_row(cells_of(row));
  table.print();
  for (const Row& row : rows)
    for (const lab::Reason& reason : row.bench.judgement.reasons)
      fmt::print("batch {}, {}: {}\n", row.sweep.batch, to_string(row.sweep.precision), reason.text);
}

int run(const SweepArguments& options) {
  lab::SweepSettings settings = sweep_settings(options);
  EnergyMeasurement energy(options.energy);
  // Imported and calibrated once for all rows.
  const Network network = open_network(options.network, memory_limit_of(options.engine));
  const UsedCalibration calibration = calibration_for(options, settings, network);
  settings.calibration = calibration.calibration;
  energy.start();

  std::vector<Row> rows;
  Progress progress("sweep");
  lab::SweepCallbacks callbacks;
  callbacks.on_progress = [&](double done, Precision precision, int batch) {
    progress.update(done, fmt::format("{}, batch {}", to_string(precision), batch));
  };
  callbacks.on_row = [&](const lab::SweepRow& row) { rows.push_back(report_of(row, energy)); };
  lab::run_sweep(network, settings, callbacks);
  progress.clear();

  if (options.output.json()) {
    Json list = Json::array();
    for (const Row& row : rows) list.push_back(to_json(row, network.name()));
    print_json({{"network", network.name()},
                {"synthetic_weights", network.synthetic_weights()},
                {"seed", options.network.seed},
                {"calibration", to_json(calibration)},
                {"memory_limit_bytes", settings.memory_limit},
                {"time_budget_s", settings.time_budget_s},
                {"rows", std::move(list)}});
  } else {
    print_text(rows);
  }
  return kSuccess;
}

}  // namespace

void add_sweep(CLI::App& program, Run& selected) {
  auto options = std::make_shared<SweepArguments>();
  CLI::App* command = program.add_subcommand("sweep", "throughput by batch and precision");
  add_network_options(*command, options->network);
  command->add_option("--batches", options->batches, "rising list of batches")->type_name("LIST");
  command
      ->add_option("--time-budget", options->time_budget_s,
                   "seconds for all rows; those that would not end in time say so. 0: no limit")
      ->type_name("S");
  command->add_option("--duration", options->duration_s, "seconds to measure each row")->type_name("S");
  command->add_option("--iterations", options->iterations, "calls to measure each row, instead of --duration")
      ->type_name("N");
  command->add_option("--warmup", options->warmup_s, "most seconds to run before, until it is steady")
      ->type_name("S");
  add_engine_options(*command, options->engine);
  command->remove_option(command->get_option("--batch"));
  command->get_option("--precision")->description("list of fp32, bf16, int8, int16, mixed");
  command->get_option("--memory-limit")
      ->description(
          "most bytes for the network, weights, activations, inputs and outputs; without it what is "
          "available");
  add_energy_options(*command, options->energy);
  add_output_options(*command, options->output);
  command->footer(
      "A row's memory is computed before anything of it is allocated: one that does not fit says what it "
      "needs.\n"
      "A row's time is predicted from the rows before it. The first row is run in any case.\n\n"
      "Example:\n  octet sweep googlenet --batches 1,8,64 --precision fp32,int8 --time-budget 120");
  command->callback([options, &selected] { selected = [options] { return run(*options); }; });
}

}  // namespace octet::tools
