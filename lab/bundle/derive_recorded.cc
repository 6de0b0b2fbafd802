// Sections that say what their records say.
#include <algorithm>
#include <array>

#include "lab/bundle/derive.h"
#include "lab/support/json.h"

namespace octet::lab {
namespace {

// What a record says of itself and not of its subject.
constexpr std::array<std::string_view, 8> kBookkeeping = {"schema",  "key",   "kind",           "outcome",
                                                          "depends", "octet", "started_unix_s", "record"};

void copy_subject(Json& row, const JsonReader& record) {
  for (const auto& [key, value] : record.json().items())
    if (!row.contains(key) && std::find(kBookkeeping.begin(), kBookkeeping.end(), key) == kBookkeeping.end())
      row[key] = value;
}

}  // namespace

Json derive_calibration(const Records& records) {
  Json section = Json::array();
  for (const JsonReader& record : records.of_kind("calibration")) {
    Json row = row_of(record, {"network"});
    if (measured(record)) {
      for (const JsonReader& tensor : record.list("tensors")) {
        tensor.text("name");
        tensor.number("scale");
      }
      copy_subject(row, record);
    }
    section.push_back(std::move(row));
  }
  return section;
}

Json derive_projected(const Records& records) {
  Json section = Json::array();
  for (const JsonReader& record : records.of_kind("projected")) {
    Json row = row_of(record, {"network", "precision", "target"});
    if (measured(record)) {
      for (const JsonReader& point : record.list("rows")) point.integer("batch", 1);
      copy_subject(row, record);
      row.erase("seconds");  // of the computation
    }
    section.push_back(std::move(row));
  }
  return section;
}

}  // namespace octet::lab
