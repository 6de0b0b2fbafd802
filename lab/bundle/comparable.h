// What two bundles are compared by: each measured throughput with its raw samples, under what identifies it
// in any bundle.
#pragma once

#include <map>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "lab/evidence/verdict.h"
#include "lab/support/json_fwd.h"

namespace octet::lab {

struct RowIdentity {
  std::string section;  ///< "throughput", "ladder", "scaling"
  std::string network;
  std::string precision;
  std::int64_t batch = 0;
  std::string engine;
  std::string way;
  std::string isa;         ///< ladder only: elsewhere each machine takes its best
  std::int64_t ranks = 0;  ///< scaling only
  auto operator<=>(const RowIdentity&) const = default;
};

struct ComparableRow {
  std::string record;  ///< its key
  std::string outcome;
  std::vector<double> rates;  ///< images/s of windows; of several ranks their sum, window by window
  Verdict verdict = Verdict::kValid;
  std::string isa;
  std::string engine_hash;
  std::string output_hash;
};

/// Throws Error(kParse) naming the record and what it lacks.
std::map<RowIdentity, ComparableRow> comparable_rows(std::span<const Json> records);

}  // namespace octet::lab
