// The oracle: a plain interpreter of the network as imported (no passes, NCHW, sums in double), against which
// every engine is checked. Slow on purpose of being plainly right.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "octet/api.h"
#include "octet/network.h"

namespace octet {

/// Runs `batch` images through the network. `input`: NCHW FP32. Returns the outputs, dense NCHW, in the
/// network's order. `threads` 0: all that the process may use; the result does not depend on it.
OCTET_API std::vector<std::vector<float>> run_reference(const Network& network, int batch,
                                                        std::span<const std::span<const float>> inputs,
                                                        int threads = 0);

}  // namespace octet
