#include "octet/engine.h"
#include "optimize/pass.h"

namespace octet {

std::vector<PassInfo> list_passes() {
  std::vector<PassInfo> result;
  for (const optimize::Pass& pass : optimize::all_passes()) result.push_back({pass.name, pass.description});
  return result;
}

}  // namespace octet
