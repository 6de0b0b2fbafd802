#include "lab/mpi/rank.h"

#include "lab/evidence/observation.h"
#include "lab/power/recorder.h"
#include "lab/support/json.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

/// From the moment at which a common start is agreed on until it: the news must have reached every rank.
constexpr Nanoseconds kLead = 30'000'000;

/// Meets the others and returns the time, on this rank's clock, at which all of them start.
Nanoseconds agree_on_start(Communicator& world, const ClockOffset& clock_offset, Clock& clock) {
  world.barrier();
  const std::string start = world.broadcast(std::to_string(clock.now() + kLead));
  return std::stoll(start) - clock_offset.offset;
}

/// Makes calls one at a time and returns early once the time is over, so that ranks stop within a call of
/// each other however many calls they are asked for at once.
class StopsInTime final : public SystemUnderTest {
 public:
  StopsInTime(SystemUnderTest& system, Nanoseconds duration) : system_(system), duration_(duration) {}

  void start_window() { in_window_ = true; }
  const SystemInfo& info() const override { return system_.info(); }
  void run(int batch) override { system_.run(batch); }
  std::string output_hash() override { return system_.output_hash(); }

  void run_timed(int batch, int count, Clock& clock, std::vector<Call>& calls) override {
    for (int i = 0; i < count; ++i) {
      system_.run_timed(batch, 1, clock, calls);
      if (!in_window_) continue;
      if (stop_ == 0) stop_ = calls.back().start + duration_;
      if (calls.back().stop >= stop_) return;
    }
  }

 private:
  SystemUnderTest& system_;
  Nanoseconds duration_;
  bool in_window_ = false;
  Nanoseconds stop_ = 0;  // 0: the first call of the window has not started
};

LoadSettings load_settings(const RankSettings& settings) {
  LoadSettings load;
  load.batch = settings.batch;
  load.duration_s = settings.duration_s;
  load.warmup = settings.warmup;
  return load;
}

/// CPUs of all ranks of this machine that take part, in order of rank. Collective.
std::vector<int> cpus_of_machine(Communicator& world, const std::vector<int>& cpus, int ranks) {
  const Json mine = {{"host", world.host_leader()},
                     {"cpus", world.rank() < ranks ? cpus : std::vector<int>{}}};
  std::vector<int> all;
  for (const std::string& text : gather_everywhere(world, mine.dump())) {
    if (text.empty()) continue;
    const Json one = Json::parse(text);
    if (one.at("host") != world.host_leader()) continue;
    for (const Json& cpu : one.at("cpus")) all.push_back(cpu.get<int>());
  }
  return all;
}

/// The first rank of a machine looks whether its CPUs share cores, while the others sleep until the start;
/// afterwards these may still be in a call.
ObserverOptions observer_options(const Communicator& world, const std::vector<int>& machine_cpus,
                                 Clock& clock) {
  ObserverOptions options;
  options.clock = &clock;
  options.capacity_cpus = machine_cpus;
  options.capacity_measured = world.host_rank() == 0 ? CapacityMeasured::kBefore : CapacityMeasured::kNever;
  return options;
}

RankRun measure_rank(Communicator& world, SystemUnderTest& system, const RankSettings& settings,
                     const std::vector<int>& machine_cpus, const ClockOffset& clock_offset, Clock& clock) {
  RankRun run;
  run.rank = world.rank();
  run.host = world.host();
  run.info = system.info();
  run.clock = clock_offset;
  run.output_hash = system.output_hash();
  StopsInTime timed(system, nanoseconds(settings.duration_s));
  std::unique_ptr<Observer> observer;
  LoadSettings load = load_settings(settings);
  load.before_round = [&](std::size_t, int) {
    world.barrier();  // all are warm; the wait for the slowest may have cooled this one's caches
    system.run(settings.batch);
    const Nanoseconds start = agree_on_start(world, clock_offset, clock);
    observer = std::make_unique<Observer>(observer_options(world, machine_cpus, clock));
    clock.wait_until(start);
    timed.start_window();
  };
  load.after_round = [&](std::size_t, int) {
    run.observation = observer->finish();
    system.run(settings.batch);  // not counted: others may still be in their last call
  };
  run.measurement = measure(timed, load, clock);
  return run;
}

}  // namespace

std::optional<ScalingRun> measure_ranks(Communicator& world, SystemUnderTest& system,
                                        const std::vector<int>& cpus,
                                        std::span<const std::unique_ptr<Meter>> meters,
                                        const RankSettings& settings, Clock& clock) {
  if (settings.ranks < 1 || settings.ranks > world.size())
    throw Error(ErrorCode::kInvalidArgument, "more ranks asked for than were started");
  const ClockOffset clock_offset = world.clock_offset();
  const std::vector<int> machine_cpus = cpus_of_machine(world, cpus, settings.ranks);
  const bool takes_part = world.rank() < settings.ranks;
  std::string mine;
  if (takes_part) {
    std::optional<Recorder> recorder;
    if (world.host_rank() == 0 && !meters.empty()) recorder.emplace(meters, clock);
    RankRun run = measure_rank(world, system, settings, machine_cpus, clock_offset, clock);
    run.cpus = cpus;
    world.barrier();  // the machine's energy is over the window of all
    if (recorder) {
      const Window window{run.measurement.calls.front().start, clock.now()};
      run.power = recorder->traces(std::span(&window, 1));
    }
    mine = to_json(run).dump();
  } else {
    world.barrier();
    agree_on_start(world, clock_offset, clock);
    world.barrier();
  }
  const std::vector<std::string> all = world.gather(mine);
  if (world.rank() != 0) return std::nullopt;
  ScalingRun result;
  result.network = system.info().network;
  result.precision = system.info().precision;
  result.batch = settings.batch;
  result.ranks = settings.ranks;
  for (int rank = 0; rank < settings.ranks; ++rank)
    result.per_rank.push_back(rank_run_from(Json::parse(all[static_cast<std::size_t>(rank)])));
  return result;
}

}  // namespace octet::lab
