// Static placement of buffers in one arena.
//
// Each buffer is needed from step `first` to step `last`, both included. Buffers whose spans overlap in time
// must not overlap in memory. Greedy by size: the largest buffer first, each at the lowest offset where it
// fits between those already placed that live at the same time. For the chains and small branches of
// convolutional networks this is at or near the lower bound (the largest sum of sizes alive at one step),
// which the tests compare it with.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace octet::plan {

struct Lifetime {
  std::int64_t bytes = 0;
  int first = 0;
  int last = 0;
};

struct Placement {
  std::vector<std::int64_t> offsets;  // one a buffer, multiples of kPlacementAlignment
  std::int64_t arena_bytes = 0;
};

inline constexpr std::int64_t kPlacementAlignment = 64;

Placement place_buffers(std::span<const Lifetime> lifetimes);

/// The most bytes alive at one step: no placement can need less.
std::int64_t lower_bound_bytes(std::span<const Lifetime> lifetimes);

/// True if no two buffers that live at the same time share memory and all lie inside the arena.
bool placement_is_valid(std::span<const Lifetime> lifetimes, const Placement& placement);

}  // namespace octet::plan
