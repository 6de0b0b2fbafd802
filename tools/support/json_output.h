// The one JSON document that a command prints. Keys keep the order in which they were written.
#pragma once

#include "lab/support/json.h"
#include "octet/types.h"

namespace octet::tools {

using lab::Json;

void print_json(const Json& document);
Json to_json(const Shape& shape);  // [1, 3, 224, 224]

}  // namespace octet::tools
