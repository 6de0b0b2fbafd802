#include "lab/bundle/derive.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "lab/support/json.h"

namespace octet::lab {
namespace {

// fp32 before what it is compared with.
std::size_t precision_rank(const std::string& precision) {
  constexpr std::array<std::string_view, 4> kOrder = {"fp32", "bf16", "int8", "mixed"};
  return static_cast<std::size_t>(std::find(kOrder.begin(), kOrder.end(), precision) - kOrder.begin());
}

std::int64_t integer_or_0(const JsonReader& record, std::string_view key) {
  return record.has(key) ? record.integer(key) : 0;
}

auto place_of(const JsonReader& record) {
  const std::string precision = record.text_or("precision", "");
  return std::tuple(record.text_or("network", ""), precision_rank(precision), precision,
                    integer_or_0(record, "batch"), integer_or_0(record, "ranks"), record.text("key"));
}

}  // namespace

JsonReader record_reader(const Json& record) {
  const auto key = record.is_object() ? record.find("key") : record.end();
  return {record, key != record.end() && key->is_string() ? key->get<std::string>() : "a record without key"};
}

std::vector<JsonReader> Records::of_kind(std::string_view kind) const {
  std::vector<JsonReader> found;
  for (const Json& record : all_)
    if (JsonReader reader = record_reader(record); reader.text("kind") == kind)
      found.push_back(std::move(reader));
  std::stable_sort(found.begin(), found.end(),
                   [](const JsonReader& a, const JsonReader& b) { return place_of(a) < place_of(b); });
  return found;
}

std::optional<JsonReader> Records::machine() const {
  for (const JsonReader& record : of_kind("machine"))
    if (measured(record)) return record;
  return std::nullopt;
}

bool measured(const JsonReader& record) { return record.text("outcome") == "measured"; }

Json row_of(const JsonReader& record, std::initializer_list<std::string_view> identity) {
  Json row = {{"record", record.text("key")}};
  for (const std::string_view key : identity)
    if (record.has(key)) row[std::string(key)] = record.at(key).json();
  row["outcome"] = record.text("outcome");
  if (measured(record)) return row;
  for (const char* key : {"needed_bytes", "limit_bytes", "predicted_s", "reason", "error"})
    if (record.has(key)) row[key] = record.at(key).json();
  return row;
}

void extend(Json& row, Json more) {
  for (auto& [key, value] : more.items()) row[key] = std::move(value);
}

}  // namespace octet::lab
