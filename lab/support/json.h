// The JSON type of the laboratory: keys keep the order in which they were written. Headers take json_fwd.h.
#pragma once

#include <nlohmann/json.hpp>

#include "lab/support/json_fwd.h"
