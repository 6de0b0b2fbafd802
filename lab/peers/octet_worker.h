// Octet behind the protocol of the peers' worker.py, so that a script can hold several engines in processes
// of their own, warm, and tell each in turn to run (scripts/compare_peers).
#pragma once

#include <iosfwd>

#include "lab/bench/octet_system.h"

namespace octet::lab {

/// Answers the lines of `commands` until they end, each with one line of JSON, as worker.py tells it: `input`
/// (file: as many bytes as the system's images have), `run`, `rate` and `output`. What cannot be done is
/// answered with {"error": text}, and the next command is read.
void serve(OctetSystem& system, std::istream& commands, std::ostream& answers);

}  // namespace octet::lab
