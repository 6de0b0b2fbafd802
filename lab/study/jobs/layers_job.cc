// Time of every layer.
#include "lab/bench/octet_system.h"
#include "lab/profile/measure_layers.h"
#include "lab/study/jobs/jobs.h"
#include "lab/support/json.h"

namespace octet::lab {

Json layers_job(const Unit& unit, Workshop& shop, const JobProgress& progress) {
  const BuildOptions options = shop.build_options(unit);
  const MemoryNeed need = memory_need(shop.network(unit.network), options);
  if (shop.memory_limit() > 0 && need.total() > shop.memory_limit())
    return does_not_fit(need.total(), shop.memory_limit());
  LayerMeasurement measurement;
  measurement.iterations = shop.config().layers.iterations;
  measurement.seed = shop.config().seed;
  measurement.on_progress = [&](double share) {
    shop.check_stop();
    progress(share);
  };
  Json record = to_json(measure_layers(Engine::build(shop.network(unit.network), options), measurement));
  record["network"] = unit.network;  // a file's own name may be another
  return record;
}

}  // namespace octet::lab
