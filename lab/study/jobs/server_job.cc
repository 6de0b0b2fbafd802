// The highest rate of requests at which 99 % of them are answered in time.
#include <memory>

#include "lab/bench/octet_system.h"
#include "lab/bench/server.h"
#include "lab/evidence/observation.h"
#include "lab/study/jobs/jobs.h"
#include "lab/study/jobs/timed_systems.h"
#include "lab/support/json.h"

namespace octet::lab {

Json server_job(const Unit& unit, Workshop& shop, const JobProgress& progress) {
  const StudyConfig::Server& section = shop.config().server;
  const BuildOptions options = shop.build_options(unit);
  const MemoryNeed need = memory_need(shop.network(unit.network), options);
  if (shop.memory_limit() > 0 && need.total() > shop.memory_limit())
    return does_not_fit(need.total(), shop.memory_limit());
  OctetSystem octet(shop.network(unit.network), options, shop.config().seed);
  StoppableSystem system(octet, shop);

  ServerSettings settings;
  settings.p99_ms = section.p99_ms;
  settings.max_batch = section.max_batch;
  settings.seed = shop.config().seed;
  settings.duration_s = section.seconds;
  settings.least_requests = section.requests;
  settings.tolerance = section.tolerance;
  settings.warmup.most_s = shop.config().throughput.warmup_s;
  // How many trials there will be is not known before: a usual number is shown.
  constexpr double kUsualTrials = 8;
  int trials = 0;
  settings.on_progress = [&](double share) {
    shop.check_stop();
    progress(std::min(0.99, (trials + share) / kUsualTrials));
  };
  std::vector<Observation> observations;
  std::unique_ptr<Observer> observer;
  settings.before_trial = [&](int) { observer = std::make_unique<Observer>(); };
  settings.after_trial = [&](int) {
    observations.push_back(observer->finish());
    ++trials;
  };
  const ServerSearch search = find_highest_rate(system, settings);

  Json list = Json::array();
  for (std::size_t t = 0; t < search.trials.size(); ++t) {
    Json trial = to_json(search.trials[t]);
    trial["observation"] = to_json(observations.at(t));
    list.push_back(std::move(trial));
  }
  return {{"network", unit.network},
          {"precision", unit.precision},
          {"max_batch", section.max_batch},
          {"p99_ms", section.p99_ms},
          {"seed", shop.config().seed},
          {"info", to_json(octet.info())},
          {"warmup",
           {{"calls", search.warmup.calls},
            {"seconds", search.warmup.seconds},
            {"steady", search.warmup.steady}}},
          {"trials", std::move(list)}};
}

}  // namespace octet::lab
