// What is done with a network that a target's bytes were read as: all that a user could do with it next, as
// long as it is small.
#pragma once

#include "octet/network.h"

namespace octet::fuzz {

/// Describes it and exports it; builds it and runs one image, where that takes no more than a moment. Throws
/// octet::Error where it can't be built.
void explore(const Network& network);

/// Weights and activations of one image that fuzzing still computes with.
inline constexpr std::int64_t kMostElements = 1 << 17;
inline constexpr std::int64_t kMostMacs = 1 << 22;

/// Whether building and running it is a matter of milliseconds.
bool is_small(const graph::Graph& graph);

}  // namespace octet::fuzz
