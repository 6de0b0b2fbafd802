#include "plan/memory_planner.h"

#include <algorithm>
#include <numeric>

namespace octet::plan {
namespace {

std::int64_t aligned(std::int64_t bytes) {
  return (bytes + kPlacementAlignment - 1) / kPlacementAlignment * kPlacementAlignment;
}

bool live_together(const Lifetime& a, const Lifetime& b) { return a.first <= b.last && b.first <= a.last; }

}  // namespace

Placement place_buffers(std::span<const Lifetime> lifetimes) {
  std::vector<std::size_t> order(lifetimes.size());
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return lifetimes[a].bytes > lifetimes[b].bytes; });

  Placement placement;
  placement.offsets.assign(lifetimes.size(), 0);
  std::vector<std::size_t> placed;  // by rising offset
  for (const std::size_t buffer : order) {
    const std::int64_t bytes = aligned(lifetimes[buffer].bytes);
    std::int64_t offset = 0;
    for (const std::size_t other : placed) {
      if (!live_together(lifetimes[buffer], lifetimes[other])) continue;
      if (placement.offsets[other] >= offset + bytes) break;
      offset = std::max(offset, placement.offsets[other] + aligned(lifetimes[other].bytes));
    }
    placement.offsets[buffer] = offset;
    placement.arena_bytes = std::max(placement.arena_bytes, offset + bytes);
    const auto after =
        std::upper_bound(placed.begin(), placed.end(), offset,
                         [&](std::int64_t o, std::size_t p) { return o < placement.offsets[p]; });
    placed.insert(after, buffer);
  }
  return placement;
}

std::int64_t lower_bound_bytes(std::span<const Lifetime> lifetimes) {
  std::int64_t most = 0;
  for (const Lifetime& at : lifetimes) {
    std::int64_t alive = 0;
    for (const Lifetime& other : lifetimes) {
      if (other.first <= at.first && at.first <= other.last) alive += aligned(other.bytes);
    }
    most = std::max(most, alive);
  }
  return most;
}

bool placement_is_valid(std::span<const Lifetime> lifetimes, const Placement& placement) {
  if (placement.offsets.size() != lifetimes.size()) return false;
  for (std::size_t a = 0; a < lifetimes.size(); ++a) {
    const std::int64_t a_begin = placement.offsets[a], a_end = a_begin + lifetimes[a].bytes;
    if (a_begin < 0 || a_begin % kPlacementAlignment != 0 || a_end > placement.arena_bytes) return false;
    for (std::size_t b = a + 1; b < lifetimes.size(); ++b) {
      const std::int64_t b_begin = placement.offsets[b], b_end = b_begin + lifetimes[b].bytes;
      if (live_together(lifetimes[a], lifetimes[b]) && a_begin < b_end && b_begin < a_end) return false;
    }
  }
  return true;
}

}  // namespace octet::plan
