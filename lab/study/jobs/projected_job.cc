// What the analytic model says of another device.
#include "lab/project/projection.h"
#include "lab/study/jobs/jobs.h"
#include "lab/support/json.h"

namespace octet::lab {

Json projected_job(const Unit& unit, Workshop& shop, const JobProgress&) {
  const StudyConfig::Projection& section = shop.config().projection;
  return project(shop.network(unit.network), find_device(unit.target), section.batches, section.devices,
                 parse_precision(unit.precision));
}

}  // namespace octet::lab
