#include "lab/bundle/results.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "lab/bundle/derive.h"
#include "lab/bundle/json_reader.h"
#include "lab/bundle/published.h"
#include "lab/support/json.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

Json options_json(const StudyHeader& header) {
  Json options = Json::array();
  for (const auto& [key, value] : header.options) options.push_back({{"key", key}, {"value", value}});
  return options;
}

/// The builds that measured, each once, that of the machine's record first.
std::vector<Json> builds_of(const Records& records) {
  std::vector<Json> builds;
  const auto add = [&](const JsonReader& record) {
    if (!record.has("octet")) return;
    const JsonReader octet = record.at("octet");
    Json build = Json::object();
    for (const char* key : {"version", "revision", "compiler", "flags", "build_type"})
      build[key] = octet.text(key);
    if (std::find(builds.begin(), builds.end(), build) == builds.end()) builds.push_back(std::move(build));
  };
  if (const auto machine = records.machine()) add(*machine);
  for (const Json& record : records.all()) add(record_reader(record));
  return builds;
}

Json study_section(const StudyHeader& header, const Records& records) {
  std::set<std::string> done;
  for (const Json& record : records.all()) done.insert(record_reader(record).text("key"));
  const std::set<std::string> planned(header.planned.begin(), header.planned.end());
  Json missing = Json::array(), unplanned = Json::array();
  for (const std::string& key : header.planned)
    if (!done.contains(key)) missing.push_back(key);
  for (const std::string& key : done)
    if (!planned.contains(key)) unplanned.push_back(key);
  return {{"name", header.name},
          {"mode", header.mode},
          {"status", missing.empty() ? "complete" : "partial"},
          {"started_unix_s", header.started_unix_s},
          {"finished_unix_s", header.finished_unix_s},
          {"records", records.all().size()},
          {"planned", header.planned.size()},
          {"missing", std::move(missing)},
          {"unplanned", std::move(unplanned)},
          {"options", options_json(header)}};
}

}  // namespace

Json to_json(const StudyHeader& header) {
  return {{"name", header.name},
          {"mode", header.mode},
          {"started_unix_s", header.started_unix_s},
          {"finished_unix_s", header.finished_unix_s},
          {"planned", header.planned},
          {"options", options_json(header)}};
}

StudyHeader study_header_from(const Json& json) {
  const JsonReader reader(json, "study");
  StudyHeader header;
  header.name = reader.text("name");
  header.mode = reader.text("mode");
  header.started_unix_s = reader.number("started_unix_s");
  header.finished_unix_s = reader.number("finished_unix_s");
  header.planned = reader.texts("planned");
  for (const JsonReader& option : reader.list("options"))
    header.options.emplace_back(option.text("key"), option.text("value"));
  return header;
}

Json derive_results(const StudyHeader& header, std::span<const Json> all) {
  const Records records(all);
  Json results = {{"schema", kResultsSchema}};
  const std::vector<Json> builds = builds_of(records);
  if (!builds.empty()) results["octet"] = builds.front();
  if (builds.size() > 1) results["builds"] = builds;
  results["study"] = study_section(header, records);
  extend(results, derive_machine(records));
  results["verdict"] = nullptr;  // its place; below
  extend(results, derive_throughput(records));
  results["ladder"] = derive_ladder(records);
  results["server"] = derive_server(records);
  results["scaling"] = derive_scaling(records);
  results["accuracy"] = derive_accuracy(records);
  results["layers"] = derive_layers(records);
  results["calibration"] = derive_calibration(records);
  results["projected"] = derive_projected(records);
  results["verdict"] = derive_verdict(results);
  results["published"] = published_study();
  return results;
}

}  // namespace octet::lab
