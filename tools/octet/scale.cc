// octet scale: the same engine on 1, 2, ... devices at the same time, one MPI rank a device. Without a
// launcher it starts the ranks itself, one set a count; under mpirun it is one of them.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>
#include <sstream>

#include "lab/bench/octet_system.h"
#include "lab/mpi/communicator.h"
#include "lab/mpi/core_groups.h"
#include "lab/mpi/launcher.h"
#include "lab/mpi/rank.h"
#include "lab/mpi/scaling.h"
#include "lab/support/files.h"
#include "octet/error.h"
#include "tools/octet/command.h"
#include "tools/octet/common_options.h"
#include "tools/octet/power_options.h"
#include "tools/octet/ranks.h"
#include "tools/support/json_output.h"
#include "tools/support/program.h"
#include "tools/support/progress.h"
#include "tools/support/table.h"

namespace octet::tools {
namespace {

constexpr int kMostRanks = 65536;

struct ScaleArguments {
  NetworkOptions network;
  EngineOptions engine;
  OutputOptions output;
  lab::LaunchOptions launch;
  lab::MeterOptions meters;
  std::string ranks;
  double duration_s = 5;
  double warmup_s = 5;
  int group_cores = 0;
  std::string records;
  bool as_rank = false;

  ScaleArguments() { engine.batch = 8; }
};

/// Rising; the single rank that efficiency refers to is always among them.
std::vector<int> parse_ranks(const std::string& text) {
  std::vector<int> counts{1};
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, ',');) {
    int count = 0;
    const auto [stop, error] = std::from_chars(part.data(), part.data() + part.size(), count);
    if (error != std::errc() || stop != part.data() + part.size() || count < 1 || count > kMostRanks)
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("--ranks: expected numbers of ranks like 1,2,4, got '{}'", text));
    counts.push_back(count);
  }
  std::sort(counts.begin(), counts.end());
  counts.erase(std::unique(counts.begin(), counts.end()), counts.end());
  return counts;
}

void check(const ScaleArguments& options, int most_ranks) {
  lab::LoadSettings settings;
  settings.batch = options.engine.batch;
  settings.duration_s = options.duration_s;
  settings.warmup.most_s = options.warmup_s;
  lab::check(settings);
  if (options.group_cores < 0)
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("--group-cores: expected 1 or more, got {}", options.group_cores));
  if (!(options.launch.timeout_s > 0))
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("--timeout: expected seconds, got {}", options.launch.timeout_s));
  refuse_own_threads(options.engine);
  refuse_shared_device(options.engine, most_ranks);
  build_options(options.engine);  // says what is wrong with them before a large network is loaded
}

/// This command's options for the ranks that it starts.
std::vector<std::string> rank_arguments(const ScaleArguments& options, int group_cores) {
  std::vector<std::string> arguments{options.network.net};
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) arguments.insert(arguments.end(), {name, value});
  };
  const auto add_flag = [&](const char* name, bool set) {
    if (set) arguments.emplace_back(name);
  };
  add("--weights", options.network.weights);
  add("--seed", std::to_string(options.network.seed));
  add("--tensor", options.network.tensor);
  add("--precision", options.engine.precision);
  add("--calibration", options.engine.calibration);
  add_flag("--force", options.engine.force);
  add("--batch", std::to_string(options.engine.batch));
  add("--device", options.engine.device);
  add("--isa", options.engine.isa);
  add_flag("--no-winograd", options.engine.no_winograd);
  add("--memory-limit", options.engine.memory_limit);
  for (const std::string& pass : options.engine.disabled_passes) add("--disable-pass", pass);
  add("--duration", fmt::format("{}", options.duration_s));
  add("--warmup", fmt::format("{}", options.warmup_s));
  add("--group-cores", std::to_string(group_cores));
  add("--power-model", options.meters.power_model);
  add("--wall-meter", options.meters.wall_csv);
  add("--wall-shift", fmt::format("{}", options.meters.wall_shift_s));
  add("--rapl-root", options.meters.rapl_root);
  add("--nvml-library", options.meters.nvml_library);
  add("--nvml-devices", options.meters.nvml_devices);
  add("--ipmitool", options.meters.ipmitool);
  return arguments;
}

/// Everything that the series measured.
struct Series {
  std::vector<lab::ScalingRun> runs;
  std::vector<std::string> warnings;
};

Json to_json(const Series& series) {
  const lab::ScalingFigures one = lab::scaling_figures(series.runs.front());
  const lab::SystemInfo& info = series.runs.front().per_rank.front().info;
  Json rows = Json::array();
  lab::Verdict verdict = lab::Verdict::kValid;
  for (const lab::ScalingRun& run : series.runs) {
    rows.push_back(lab::scaling_row(run, &one));
    verdict = lab::worse(verdict, lab::judge(run).verdict);
  }
  return {{"network", info.network},
          {"precision", info.precision},
          {"batch", series.runs.front().batch},
          {"threads_per_rank", info.threads},
          {"isa", info.isa},
          {"engine_hash", info.hash},
          {"output_hash", series.runs.front().per_rank.front().output_hash},
          {"verdict", to_string(verdict)},
          {"rows", std::move(rows)}};
}

void print_scaling(const Json& document) {
  fmt::print("{}, {}, batch {}, {} {} a rank, {}\n\n", document["network"].get<std::string>(),
             document["precision"].get<std::string>(), document["batch"].get<int>(),
             document["threads_per_rank"].get<int>(),
             document["threads_per_rank"] == 1 ? "thread" : "threads", document["isa"].get<std::string>());
  Table table({{"ranks", kRight},
               {"images/s", kRight},
               {"sum of own rates", kRight},
               {"efficiency %", kRight},
               {"serial fraction", kRight},
               {"skew ms", kRight},
               {"verdict"}});
  for (const Json& row : document["rows"])
    table.add_row(
        {fmt::format("{}", row["ranks"].get<int>()),
         fmt::format("{:.2f}", row["images_per_second"].get<double>()),
         fmt::format("{:.2f}", row["sum_of_rates"].get<double>()),
         fmt::format("{:.1f}", row["efficiency"].get<double>()),
         row.contains("serial_fraction") ? fmt::format("{:.4f}", row["serial_fraction"].get<double>()) : "",
         fmt::format("{:.1f}", row["skew_ms"].get<double>()), row["verdict"].get<std::string>()});
  table.print();
  for (const Json& row : document["rows"])
    for (const Json& reason : row["reasons"])
      fmt::print("\n{} {}: {}", row["ranks"].get<int>(), row["ranks"] == 1 ? "rank" : "ranks",
                 reason["text"].get<std::string>());
  fmt::print("\n");
}

int report(const ScaleArguments& options, const Series& series) {
  for (const std::string& warning : series.warnings) warn(warning);
  if (!options.records.empty()) {
    Json records = Json::array();
    for (const lab::ScalingRun& run : series.runs) records.push_back(lab::to_json(run));
    lab::write_file(options.records, records.dump() + '\n');
  }
  const Json document = to_json(series);
  if (options.output.json())
    print_json(document);
  else
    print_scaling(document);
  return kSuccess;
}

// As one of the ranks.

std::unique_ptr<lab::OctetSystem> build_system(const ScaleArguments& options, const Network& network,
                                               const EngineOptions& engine,
                                               const UsedCalibration& calibration) {
  BuildOptions build = build_options(engine);
  build.calibration = calibration.calibration;
  return std::make_unique<lab::OctetSystem>(network, build, options.network.seed);
}

int run_as_rank(const ScaleArguments& options, lab::Communicator& world) {
  std::vector<int> counts;
  together(world, [&] {
    counts = options.as_rank
                 ? std::vector{world.size()}
                 : parse_ranks(options.ranks.empty() ? std::to_string(world.size()) : options.ranks);
    if (counts.back() > world.size())
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("--ranks: {} ranks asked for, but {} started", counts.back(), world.size()));
    check(options, world.size());
  });
  const std::vector<int> cpus = claim_device(world, options.group_cores);
  std::optional<Network> network;
  EngineOptions engine;
  together(world, [&] {
    engine = options_on_device(options.engine, cpus, world);
    network = open_network(options.network, memory_limit_of(options.engine));
  });
  const UsedCalibration calibration =
      shared_calibration(world, [&] { return find_calibration(*network, engine, options.network.seed); });
  std::unique_ptr<lab::OctetSystem> system;
  std::vector<std::unique_ptr<lab::Meter>> meters;
  together(world, [&] {
    system = build_system(options, *network, engine, calibration);
    network.reset();  // its weights are packed by now
    if (world.host_rank() == 0) meters = lab::find_meters(options.meters).meters;
  });
  Series series;
  for (const int count : counts) {
    lab::RankSettings settings;
    settings.batch = options.engine.batch;
    settings.duration_s = options.duration_s;
    settings.warmup.most_s = options.warmup_s;
    settings.ranks = count;
    if (auto run = lab::measure_ranks(world, *system, cpus, meters, settings))
      series.runs.push_back(std::move(*run));
  }
  if (world.rank() != 0) return kSuccess;
  if (!options.as_rank) return report(options, series);
  fmt::print("{}\n", lab::to_json(series.runs.front()).dump());
  return kSuccess;
}

// As the one that starts them.

/// Cores of one device, the same for all counts. Devices on other machines are checked there.
int choose_group_cores(const ScaleArguments& options, int most_ranks) {
  if (!options.launch.mpirun_arguments.empty()) return options.group_cores;
  const std::vector<lab::Core> cores = lab::within(lab::machine_cores(), lab::affinity_cpus());
  lab::split_cores(cores, most_ranks, options.group_cores);  // throws if there are not so many
  return options.group_cores > 0 ? options.group_cores : static_cast<int>(cores.size()) / most_ranks;
}

int start_ranks(const ScaleArguments& options) {
  const std::vector<int> counts = parse_ranks(options.ranks);
  check(options, counts.back());
  if (options.launch.mpirun_arguments.empty())  // other machines' devices are counted there
    check_device_count(options.engine, counts.back(), "this machine");
  const int group_cores = choose_group_cores(options, counts.back());
  const std::vector<std::string> arguments = rank_arguments(options, group_cores);
  Series series;
  Progress progress("scale");
  for (std::size_t i = 0; i < counts.size(); ++i) {
    progress.update(static_cast<double>(i) / static_cast<double>(counts.size()),
                    fmt::format("{} {}", counts[i], counts[i] == 1 ? "rank" : "ranks"));
    const lab::RanksOutput output = lab::run_scaling(options.launch, counts[i], arguments);
    series.runs.push_back(lab::scaling_run_from(output.document));
    for (const std::string& warning : output.warnings)
      if (std::find(series.warnings.begin(), series.warnings.end(), warning) == series.warnings.end())
        series.warnings.push_back(warning);
  }
  progress.clear();
  return report(options, series);
}

int run(const ScaleArguments& options) {
  if (options.as_rank || lab::started_by_launcher())
    return run_ranked([&](lab::Communicator& world) { return run_as_rank(options, world); });
  return start_ranks(options);
}

}  // namespace

void add_scale(CLI::App& program, Run& selected) {
  auto options = std::make_shared<ScaleArguments>();
  CLI::App* command =
      program.add_subcommand("scale", "throughput on 1, 2, ... devices at the same time, one MPI rank each");
  add_network_options(*command, options->network);
  command
      ->add_option("--ranks", options->ranks,
                   "how many ranks, as 1,2,4; 1 is always measured. Under mpirun without it: 1 and all")
      ->type_name("LIST");
  command
      ->add_option("--group-cores", options->group_cores,
                   "cores a rank; 0: those of the machine divided by the most ranks")
      ->type_name("N");
  command->add_option("--duration", options->duration_s, "seconds to measure each number of ranks")
      ->type_name("S");
  command
      ->add_option("--warmup", options->warmup_s,
                   "most seconds to run before measuring; ends when it is steady")
      ->type_name("S");
  command->add_option("--records", options->records, "keeps the raw samples in this file (JSON)")
      ->type_name("FILE");
  command->add_option("--mpirun", options->launch.mpirun, "the MPI launcher")->type_name("PROGRAM");
  command
      ->add_option("--mpirun-option", options->launch.mpirun_arguments,
                   "handed to the launcher, one word each: --mpirun-option=--hostfile --mpirun-option=hosts")
      ->type_name("WORD")
      ->expected(1)
      ->take_all()
      ->default_str("");
  command->add_option("--timeout", options->launch.timeout_s, "most seconds for one number of ranks")
      ->type_name("S");
  add_power_options(*command, options->meters);
  command->add_flag("--as-rank", options->as_rank, "one of the ranks that this command starts")->group("");
  add_engine_options(*command, options->engine);
  add_output_options(*command, options->output);
  command->footer(
      "A device is a group of cores, of the same size for every number of ranks; more ranks than devices "
      "are\n"
      "refused. images/s: images of all ranks over the time from the first start to the last stop.\n"
      "Efficiency: over as many times the single rank. Serial fraction: Karp and Flatt's. docs/scaling.md "
      "has\n"
      "more, also on several machines and Slurm.\n\n"
      "With --device cuda each rank has a GPU of its own, and its group of cores serves that.\n\n"
      "Example:\n  octet scale googlenet --precision int8 --ranks 1,2,4\n"
      "  mpirun -n 4 octet scale googlenet --precision int8");
  command->callback([options, &selected] { selected = [options] { return run(*options); }; });
}

}  // namespace octet::tools
