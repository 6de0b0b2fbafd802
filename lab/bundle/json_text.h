// JSON as the files of a bundle hold it. Reading is careful, since a bundle may come from a stranger;
// writing gives the same bytes for the same value, so that what is derived can be compared byte for byte.
#pragma once

#include <string>
#include <string_view>

#include "lab/support/json_fwd.h"

namespace octet::lab {

/// Throws Error(kParse) naming `file` and the place: not JSON, a number beyond double, or nested deeper than
/// 64 levels.
Json parse_json(std::string_view text, std::string_view file);

/// Indented by two spaces, lists of plain values on one line, with an end of line. Text that is not UTF-8 is
/// repaired with U+FFFD.
std::string format_json(const Json& json);

/// Checks that `json` says `"schema": "FAMILY/N"` with N no higher than that of `known` ("octet.record/1").
/// Throws Error(kParse) for none or another family, Error(kUnsupported) for a newer one; both name `file`.
void check_schema(const Json& json, std::string_view known, std::string_view file);

}  // namespace octet::lab
