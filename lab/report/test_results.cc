#include "lab/report/test_results.h"

#include "lab/bundle/results.h"
#include "lab/bundle/test_bundle.h"
#include "lab/support/json.h"

namespace octet::lab {
namespace {

constexpr const char* kHostile =
    "</script><script>document.documentElement.dataset.hacked=1</script>"
    "<img src=x onerror=\"document.documentElement.dataset.hacked=1\">";

/// Every string but those that choose the way through the report's code.
void make_hostile(Json& json) {
  for (auto& [key, value] : json.items()) {
    if (key == "outcome" || key == "verdict" || key == "engine" || key == "status") continue;
    if (value.is_string())
      value = kHostile;
    else if (value.is_structured())
      make_hostile(value);
  }
}

}  // namespace

Json full_results() { return derive_results(octet::test::test_header(), octet::test::test_records()); }

Json empty_results() {
  Json results = full_results();
  for (auto& section : results)
    if (section.is_array()) section = Json::array();
  results["meters"] = {{{"kind", "rapl"},
                        {"works", false},
                        {"why_not", "no /sys/class/powercap"},
                        {"remedy", "measure on the host itself"},
                        {"meters", Json::array()}}};
  results["study"].update(
      {{"status", "partial"}, {"records", 1}, {"planned", 2}, {"missing", {"throughput/alexnet/int8/b1"}}});
  results["verdict"] = {{"verdict", "VALID"},
                        {"counts", {{"VALID", 0}, {"SUSPECT", 0}, {"INVALID", 0}}},
                        {"reasons", Json::array()}};
  return results;
}

Json hostile_results() {
  Json results = full_results();
  make_hostile(results);
  return results;
}

}  // namespace octet::lab
