// How a batch is shared out between threads. As long as there is an image for each of them, threads run
// alone: no barriers, and what a thread writes stays in its own caches. What is left over, and batches
// smaller than the threads, go to teams: the threads of a team share each step of their images. 100 images on
// 64 threads are 64 alone and 36 for 9 teams of 7 or 8; 16 on 64 are 16 teams of 4; one image is one team of
// all.
#pragma once

#include "kernels/kernel.h"
#include "plan/plan.h"

namespace octet::plan {

struct BatchSplit {
  int alone = 0;  // images [0, alone) run on single threads; a multiple of the threads
  int teams = 1;  // that run the images behind them
  bool operator==(const BatchSplit&) const = default;
};

/// Pure. Of all numbers of teams, the one whose slowest team is done first; a team of n threads is taken to
/// be a little less than n times as fast as one, so that teams are no larger than they must be.
BatchSplit split_batch(int batch, int threads);

/// A thread's team, of consecutive threads, and the images that are the team's.
struct Team {
  int number = 0;
  kernels::Share threads{0, 1};
  kernels::Share images{0, 0};
  int size() const { return static_cast<int>(threads.end - threads.begin); }
};
Team team_of(const BatchSplit& split, int batch, int threads, int thread);

/// A sharer's part of `images` in chunks of at most `largest` images and nearly equal size.
int count_chunks(int images, int largest);

/// Images that threads run alone, as chunks that they take as they come: as many for each thread, so that if
/// all are as fast as each other, all are done together.
class SharedChunks {
 public:
  SharedChunks(int images, int largest, int threads)
      : images_(images), threads_(threads), rounds_(count_chunks(images / threads, largest)) {}
  int count() const { return rounds_ * threads_; }
  kernels::Share images(int chunk) const;

 private:
  int images_, threads_, rounds_;  // images_: a multiple of threads_
};

}  // namespace octet::plan
