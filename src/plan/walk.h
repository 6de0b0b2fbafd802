// One thread's way through a plan, in one place: what execute/ runs is what balance.h counts.
#pragma once

#include "plan/batch_split.h"
#include "plan/plan.h"

namespace octet::plan {

/// Where a call stands: numbers of images are those of the batch.
struct CallPlace {
  int chunk_first = 0;
  int group_first = 0;
  int images = 0;
  int arena = 0;                // chunk arena in use
  int worker = 0, workers = 1;  // that share the step
};

/// The visitor has
///   int take_chunk(std::size_t phase);          the next chunk, from 0 on, of those that threads run alone
///   void meet(const Team& team);                the threads of the team have done what is before this
///   void meet_all();                            all threads have
///   void run(std::size_t step, const CallPlace& place);
template <typename Visitor>
class Walk {
 public:
  Walk(const Plan& plan, const BatchSplit& split, int batch, int thread, Visitor& visitor)
      : plan_(plan), split_(split), batch_(batch), thread_(thread), visitor_(visitor) {}

  void run() {
    for (std::size_t p = 0; p < plan_.phases.size(); ++p) {
      if (p > 0) visitor_.meet_all();
      met_ = true;
      if (plan_.phases[p].shared) {
        run_with(team_of({0, 1}, batch_, plan_.threads, thread_), plan_.phases[p]);
        continue;
      }
      if (split_.alone > 0) run_alone(p);
      if (split_.alone < batch_) run_with(team_of(split_, batch_, plan_.threads, thread_), plan_.phases[p]);
    }
  }

 private:
  void run_alone(std::size_t p) {
    const Phase& phase = plan_.phases[p];
    const SharedChunks chunks(split_.alone, phase.chunk, plan_.threads);
    place_.worker = 0;
    place_.workers = 1;
    place_.arena = thread_;
    for (int chunk; (chunk = visitor_.take_chunk(p)) < chunks.count();)
      run_chunk(phase, chunks.images(chunk), {});
    met_ = false;  // a team works in an arena that one of its threads may still be using alone
  }

  void run_with(const Team& team, const Phase& phase) {
    place_.worker = thread_ - static_cast<int>(team.threads.begin);
    place_.workers = team.size();
    // Each thread has an arena of its own, unless there are never so many images; then teams have.
    place_.arena = plan_.chunk_arenas == plan_.threads ? static_cast<int>(team.threads.begin) : team.number;
    const int images = static_cast<int>(team.images.size());
    const int chunks = count_chunks(images, phase.chunk);
    for (int chunk = 0; chunk < chunks; ++chunk) {
      kernels::Share part = kernels::share_of(images, chunk, chunks);
      part.begin += team.images.begin;
      part.end += team.images.begin;
      run_chunk(phase, part, team);
    }
  }

  void run_chunk(const Phase& phase, const kernels::Share& images, const Team& team) {
    place_.chunk_first = static_cast<int>(images.begin);
    for (const Segment& segment : phase.segments) {
      const int count = static_cast<int>(images.size());
      const int groups = count_chunks(count, segment.group);
      for (int g = 0; g < groups; ++g) {
        const kernels::Share group = kernels::share_of(count, g, groups);
        place_.group_first = static_cast<int>(images.begin + group.begin);
        place_.images = static_cast<int>(group.size());
        for (int s = segment.first_step; s <= segment.last_step; ++s)
          run_step(static_cast<std::size_t>(s), team);
      }
    }
  }

  void run_step(std::size_t s, const Team& team) {
    if (place_.workers > 1 && plan_.steps[s].waits && !met_) visitor_.meet(team);
    met_ = false;
    visitor_.run(s, place_);
  }

  const Plan& plan_;
  const BatchSplit& split_;
  const int batch_, thread_;
  Visitor& visitor_;
  CallPlace place_;
  bool met_ = true;  // nothing ran since the threads last met
};

}  // namespace octet::plan
