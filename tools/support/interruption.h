// For commands that have something to save when the user interrupts them.
#pragma once

#include <atomic>

namespace octet::tools {

/// From now on the first SIGINT or SIGTERM sets this flag and says so on stderr; the second ends the program
/// at once with 130, as without this.
const std::atomic<bool>& stop_on_interrupt();

}  // namespace octet::tools
