// The one JSON document that a command prints. Keys keep the order in which they were written.
#pragma once

#include <nlohmann/json.hpp>

#include "octet/types.h"

namespace octet::tools {

using Json = nlohmann::ordered_json;

void print_json(const Json& document);
Json to_json(const Shape& shape);  // [1, 3, 224, 224]

}  // namespace octet::tools
