// The sections of results.json, each a pure function of the records. Formulas are not here: rates, intervals,
// verdicts, energies and the rest come from the folders of the laboratory that own them.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lab/study/json_reader.h"
#include "lab/support/json_fwd.h"

namespace octet::lab {

class Records {
 public:
  explicit Records(std::span<const Json> records) : all_(records) {}
  std::span<const Json> all() const { return all_; }
  /// Those of a kind in order of network, precision and batch (docs/study-bundle.md).
  std::vector<JsonReader> of_kind(std::string_view kind) const;
  /// The record of the machine, if there is one and it was measured.
  std::optional<JsonReader> machine() const;

 private:
  std::span<const Json> all_;
};

JsonReader record_reader(const Json& record);
bool measured(const JsonReader& record);
/// The row of a record: `record`, the keys of `identity` that the record has, and `outcome` with the figures
/// of an outcome other than measured.
Json row_of(const JsonReader& record, std::initializer_list<std::string_view> identity);
/// Adds the members of `more` to `row`.
void extend(Json& row, Json more);

Json derive_calibration(const Records& records);
Json derive_projected(const Records& records);
Json derive_accuracy(const Records& records);

}  // namespace octet::lab
