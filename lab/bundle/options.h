// The options of a study as a flat list, so that two studies can be compared key by key and a reader sees
// them without knowing TOML.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace octet::lab {

/// Every value of a TOML document in the order of its keys: {"throughput.batches", "1, 8"}. Throws
/// Error(kParse) with file:line:column.
std::vector<std::pair<std::string, std::string>> options_of_toml(std::string_view text,
                                                                 std::string_view file);

}  // namespace octet::lab
