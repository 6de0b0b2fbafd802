// Records of units that were not measured, for reasons that are no faults.
#include "lab/study/jobs/jobs.h"
#include "lab/support/json.h"

namespace octet::lab {

Json does_not_fit(std::uint64_t needed_bytes, std::uint64_t limit_bytes) {
  return {{"outcome", "does_not_fit"}, {"needed_bytes", needed_bytes}, {"limit_bytes", limit_bytes}};
}

Json not_run(const std::string& reason) { return {{"outcome", "not_run"}, {"reason", reason}}; }

}  // namespace octet::lab
