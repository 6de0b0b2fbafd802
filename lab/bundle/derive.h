// The sections of results.json, each a pure function of the records. Formulas are not here: rates, intervals,
// verdicts, energies and the rest come from the folders of the laboratory that own them.
#pragma once

#include <exception>
#include <initializer_list>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lab/bundle/json_reader.h"
#include "lab/evidence/observation.h"
#include "lab/power/trace.h"
#include "lab/support/clock.h"
#include "lab/support/json_fwd.h"
#include "octet/error.h"

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

/// What another folder's function makes of a value; its complaint becomes Error(kParse) with the place.
template <typename Function>
auto within(const JsonReader& place, Function&& function) -> decltype(function(place.json())) {
  try {
    return function(place.json());
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& error) {
    place.refuse(error.what());
  }
}

/// Of `observation`, one or a list; none if it is not there.
std::vector<Observation> observations_of(const JsonReader& entry);
/// Of `power`; none if it is not there.
std::vector<PowerTrace> traces_of(const JsonReader& entry);

/// The machine at rest, from its record: what is taken off for the efficiency above idle.
struct RecordedIdle {
  std::vector<Window> windows;
  std::vector<PowerTrace> power;
};
RecordedIdle recorded_idle(const Records& records);

// The sections. Each throws Error(kParse) naming the record, the key and what was expected.

/// `throughput`, `comparisons` and `speedups`, which come from the same records.
Json derive_throughput(const Records& records);
Json derive_ladder(const Records& records);
Json derive_server(const Records& records);
Json derive_scaling(const Records& records);
/// `machine`, `peaks`, `meters` and `idle`.
Json derive_machine(const Records& records);
Json derive_accuracy(const Records& records);
Json derive_layers(const Records& records);
Json derive_calibration(const Records& records);
Json derive_projected(const Records& records);
/// `verdict`, of all rows of the other sections.
Json derive_verdict(const Json& results);

}  // namespace octet::lab
