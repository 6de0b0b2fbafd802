// `compare_bundles`: what two studies have in common, side by side, from their raw samples.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "lab/accuracy/paired.h"
#include "lab/bench/statistics.h"
#include "lab/bundle/bundle.h"
#include "lab/bundle/comparable.h"
#include "lab/bundle/derive.h"
#include "lab/bundle/manifest.h"
#include "lab/bundle/predictions.h"
#include "lab/bundle/record.h"
#include "lab/support/json.h"

namespace octet::lab {
namespace fs = std::filesystem;
namespace {

struct Bundle {
  explicit Bundle(const fs::path& folder)
      : manifest(read_manifest(folder)),
        records(load_records(folder / "records")),
        results(derive_results(manifest.study, records)),
        rows(comparable_rows(records)) {}

  Manifest manifest;
  std::vector<Json> records;
  Json results;
  std::map<RowIdentity, ComparableRow> rows;
};

Json identity_json(const RowIdentity& identity) {
  Json json = {{"section", identity.section},     {"network", identity.network},
               {"precision", identity.precision}, {"batch", identity.batch},
               {"engine", identity.engine},       {"way", identity.way}};
  if (!identity.isa.empty()) json["isa"] = identity.isa;
  if (identity.ranks > 0) json["ranks"] = identity.ranks;
  return json;
}

Json side_json(const ComparableRow& row) {
  Json json = {{"record", row.record}, {"outcome", row.outcome}};
  if (row.outcome != "measured") return json;
  json["images_per_second"] = median(row.rates);
  json["verdict"] = to_string(row.verdict);
  json["isa"] = row.isa;
  return json;
}

/// Nothing where one of them does not know.
void add_equality(Json& json, const char* key, const std::string& a, const std::string& b) {
  if (!a.empty() && !b.empty()) json[key] = a == b;
}

Json row_json(const RowIdentity& identity, const ComparableRow& a, const ComparableRow& b) {
  Json json = identity_json(identity);
  json["a"] = side_json(a);
  json["b"] = side_json(b);
  const auto comparable = [](const ComparableRow& row) {
    return row.outcome == "measured" && row.verdict != Verdict::kInvalid && !row.rates.empty();
  };
  if (comparable(a) && comparable(b)) {
    const Ratio ratio = bootstrap_ratio(b.rates, a.rates);
    json["ratio"] = {{"median", ratio.median}, {"ci95", {ratio.ci95.low, ratio.ci95.high}}};
    json["significant"] = ratio.ci95.low > 1 || ratio.ci95.high < 1;
  }
  add_equality(json, "same_engine", a.engine_hash, b.engine_hash);
  add_equality(json, "same_outputs", a.output_hash, b.output_hash);
  return json;
}

void compare_rows(const Bundle& a, const Bundle& b, Json& comparison) {
  Json rows = Json::array(), only_a = Json::array(), only_b = Json::array();
  for (const auto& [identity, row] : a.rows) {
    if (const auto other = b.rows.find(identity); other != b.rows.end())
      rows.push_back(row_json(identity, row, other->second));
    else
      only_a.push_back(identity_json(identity));
  }
  for (const auto& [identity, row] : b.rows)
    if (!a.rows.contains(identity)) only_b.push_back(identity_json(identity));
  comparison["rows"] = std::move(rows);
  comparison["only_a"] = std::move(only_a);
  comparison["only_b"] = std::move(only_b);
}

Json accuracy_row(const std::string& network, const PrecisionPredictions& a, const PrecisionPredictions& b,
                  bool same_pictures) {
  Json row = {{"network", network},
              {"precision", a.precision},
              {"a", {{"images", a.result.images}, {"top1", a.result.top1}, {"top5", a.result.top5}}},
              {"b", {{"images", b.result.images}, {"top1", b.result.top1}, {"top5", b.result.top5}}},
              {"same_pictures", same_pictures}};
  if (!same_pictures) return row;
  const PairedComparison pair = compare(a.result, b.result, 1);
  row["delta_top1"] = pair.delta;
  row["ci95"] = {pair.ci95.low, pair.ci95.high};
  row["mcnemar_p"] = pair.mcnemar_p;
  row["changed"] = changed_pictures(a.result, b.result).size();
  return row;
}

Json compare_accuracy(const Bundle& a, const Bundle& b) {
  Json rows = Json::array();
  const std::vector<JsonReader> others = Records(b.records).of_kind("accuracy");
  for (const JsonReader& record : Records(a.records).of_kind("accuracy")) {
    const std::string network = record.text("network");
    const auto other = std::find_if(others.begin(), others.end(), [&](const JsonReader& candidate) {
      return candidate.text("network") == network;
    });
    if (other == others.end() || !measured(record) || !measured(*other)) continue;
    const bool same_pictures = record.text("data_hash") == other->text("data_hash") &&
                               record.at("labels").json() == other->at("labels").json();
    const std::vector<PrecisionPredictions> theirs = predictions_of(*other);
    for (const PrecisionPredictions& own : predictions_of(record))
      for (const PrecisionPredictions& their : theirs)
        if (own.precision == their.precision)
          rows.push_back(accuracy_row(network, own, their, same_pictures));
  }
  return rows;
}

/// The entries of a list of texts that the other has not.
Json without(const Json& list, const Json& other) {
  Json rest = Json::array();
  for (const Json& item : list)
    if (std::find(other.begin(), other.end(), item) == other.end()) rest.push_back(item);
  return rest;
}

/// Keys of two objects whose values are not the same; of lists only what the other list lacks.
Json different_keys(const Json& a, const Json& b) {
  Json differences = Json::array();
  std::vector<std::string> keys;
  for (const Json* object : {&a, &b})
    for (const auto& [key, value] : object->items())
      if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(key);
  for (const std::string& key : keys) {
    const Json x = a.contains(key) ? a[key] : Json(), y = b.contains(key) ? b[key] : Json();
    if (x == y) continue;
    if (x.is_array() && y.is_array())
      differences.push_back({{"key", key}, {"a", without(x, y)}, {"b", without(y, x)}});
    else
      differences.push_back({{"key", key}, {"a", x}, {"b", y}});
  }
  return differences;
}

Json member_or_empty(const Json& results, const char* key) {
  return results.contains(key) && results[key].is_object() ? results[key] : Json::object();
}

Json options_of(const StudyHeader& header) {
  Json options = Json::object();
  for (const auto& [key, value] : header.options) options[key] = value;
  return options;
}

Json side_summary(const Bundle& bundle) {
  return {{"name", bundle.manifest.study.name},
          {"mode", bundle.manifest.study.mode},
          {"started_unix_s", bundle.manifest.study.started_unix_s},
          {"status", bundle.results["study"]["status"]},
          {"verdict", bundle.results["verdict"]["verdict"]},
          {"counts", bundle.results["verdict"]["counts"]}};
}

Json notes_on(const Bundle& a, const Bundle& b) {
  Json notes = Json::array();
  notes.push_back(
      "An interval is of the samples of these two runs. What changes between runs of the same study (other "
      "load, temperature, where memory lies) is not in it: repeat both studies before a small difference is "
      "believed.");
  for (const auto& [name, bundle] : {std::pair("a", &a), std::pair("b", &b)})
    if (!bundle->manifest.fault.empty())
      notes.push_back(fmt::format("{}: manifest.json: {}; see `octet verify`", name, bundle->manifest.fault));
  return notes;
}

}  // namespace

Json compare_bundles(const fs::path& folder_a, const fs::path& folder_b) {
  const Bundle a(folder_a), b(folder_b);
  Json comparison = {{"a", side_summary(a)}, {"b", side_summary(b)}};
  compare_rows(a, b, comparison);
  comparison["accuracy"] = compare_accuracy(a, b);
  comparison["differences"] = {
      {"machine",
       different_keys(member_or_empty(a.results, "machine"), member_or_empty(b.results, "machine"))},
      {"build", different_keys(member_or_empty(a.results, "octet"), member_or_empty(b.results, "octet"))},
      {"options", different_keys(options_of(a.manifest.study), options_of(b.manifest.study))}};
  comparison["notes"] = notes_on(a, b);
  return comparison;
}

}  // namespace octet::lab
