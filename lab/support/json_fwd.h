// Name of the laboratory's JSON type, for headers; the type itself is in json.h.
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace octet::lab {
using Json = nlohmann::ordered_json;
}
