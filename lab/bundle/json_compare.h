// Where two JSON values differ: for saying what in results.json is not what the records say.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "lab/support/json_fwd.h"

namespace octet::lab {

struct JsonDifference {
  std::string path;     ///< "throughput[3].images_per_second.median"
  std::string text;     ///< "123.4 against 123.5"
  bool number = false;  ///< both are
};

/// At most `most`. Numbers may differ by `tolerance`, relative to the larger. Keys in another order are the
/// same.
std::vector<JsonDifference> differences(const Json& a, const Json& b, double tolerance, std::size_t most);

/// Numbers in it, at any depth.
std::size_t count_numbers(const Json& json);

}  // namespace octet::lab
