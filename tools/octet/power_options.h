// Options of commands that measure energy: which meters, and where they are found.
#pragma once

#include "lab/power/meter.h"

namespace CLI {
class App;
}

namespace octet::tools {

/// --power-model, --wall-meter, --wall-shift, and for uncommon places --rapl-root, --nvml-library,
/// --ipmitool. lab::find_meters says what is wrong with them.
void add_power_options(CLI::App& command, lab::MeterOptions& options);

}  // namespace octet::tools
