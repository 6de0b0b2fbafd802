#include "plan/batch_split.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace octet::plan {
namespace {

// What each doubling of a team loses: shares that are not quite equal, barriers, layers read by all.
constexpr double kLossOfDoubling = 0.05;

int divide_up(int value, int divisor) { return (value + divisor - 1) / divisor; }

/// Time of an image on a team, an image on one thread being 1.
double time_on(int threads) { return (1 + kLossOfDoubling * std::log2(threads)) / threads; }

}  // namespace

BatchSplit split_batch(int batch, int threads) {
  const int rounds = batch / threads, rest = batch % threads;
  if (threads == 1 || rest == 0) return {threads == 1 ? 0 : batch, 1};
  BatchSplit best{rounds * threads, 1};
  double shortest = rest * time_on(threads);
  for (int teams = 2; teams <= rest; ++teams) {
    const double time = divide_up(rest, teams) * time_on(threads / teams);
    if (time < shortest) {
      shortest = time;
      best.teams = teams;
    }
  }
  return best;
}

Team team_of(const BatchSplit& split, int batch, int threads, int thread) {
  Team team;
  team.number = ((thread + 1) * split.teams - 1) / threads;  // the inverse of share_of
  team.threads = kernels::share_of(threads, team.number, split.teams);
  team.images = kernels::share_of(batch - split.alone, team.number, split.teams);
  team.images.begin += split.alone;
  team.images.end += split.alone;
  return team;
}

int count_chunks(int images, int largest) { return divide_up(images, largest); }

kernels::Share SharedChunks::images(int chunk) const {
  const int of_thread = images_ / threads_, first = chunk % threads_ * of_thread;
  const kernels::Share part = kernels::share_of(of_thread, chunk / threads_, rounds_);
  return {first + part.begin, first + part.end};
}

}  // namespace octet::plan
