// Which thread runs which images: every step once for every image, whatever the batch and the threads.
#include "plan/batch_split.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "plan/walk.h"

namespace octet::plan {
namespace {

TEST(BatchSplit, LetsThreadsRunAloneWhileThereIsAnImageForEach) {
  EXPECT_EQ(split_batch(128, 64), (BatchSplit{128, 1}));
  EXPECT_EQ(split_batch(32, 2), (BatchSplit{32, 1}));
  EXPECT_EQ(split_batch(2, 2), (BatchSplit{2, 1}));
}

TEST(BatchSplit, GivesTheRestToTeams) {
  EXPECT_EQ(split_batch(3, 2), (BatchSplit{2, 1}));
  EXPECT_EQ(split_batch(100, 64), (BatchSplit{64, 9}));  // 36 images, 4 for each team of 7
  EXPECT_EQ(split_batch(1, 32), (BatchSplit{0, 1}));
  EXPECT_EQ(split_batch(16, 64), (BatchSplit{0, 16}));
  EXPECT_EQ(split_batch(8, 32), (BatchSplit{0, 8}));
}

TEST(BatchSplit, OfOneThreadIsATeamOfOne) { EXPECT_EQ(split_batch(5, 1), (BatchSplit{0, 1})); }

// A team of n counts as n threads here; what it loses in truth is balance.h's.
TEST(BatchSplit, KeepsThreadsBusy) {
  for (const int threads : {2, 4, 8, 16, 32, 64, 128}) {
    for (int batch = 1; batch <= 3 * threads; ++batch) {
      const BatchSplit split = split_batch(batch, threads);
      ASSERT_EQ(split.alone % threads, 0);
      double slowest = 0;
      for (int thread = 0; thread < threads; ++thread) {
        const Team team = team_of(split, batch, threads, thread);
        slowest = std::max(slowest, static_cast<double>(team.images.size()) / team.size());
      }
      const double time = static_cast<double>(split.alone) / threads + slowest;
      EXPECT_LE(time * threads / batch, 1.2) << batch << " images on " << threads << " threads";
    }
  }
}

TEST(BatchSplit, PutsEveryThreadIntoOneTeamAndEveryImageToOne) {
  for (int threads = 1; threads <= 40; ++threads) {
    for (int batch = 1; batch <= 2 * threads; ++batch) {
      const BatchSplit split = split_batch(batch, threads);
      std::map<int, Team> teams;
      for (int thread = 0; thread < threads; ++thread) {
        const Team team = team_of(split, batch, threads, thread);
        ASSERT_GE(thread, team.threads.begin);
        ASSERT_LT(thread, team.threads.end);
        ASSERT_LT(team.number, split.teams);
        teams[team.number] = team;
      }
      ASSERT_EQ(static_cast<int>(teams.size()), split.teams);
      std::int64_t image = split.alone;
      for (const auto& [number, team] : teams) {
        ASSERT_EQ(team.images.begin, image);
        image = team.images.end;
      }
      ASSERT_EQ(image, batch);
    }
  }
}

TEST(SharedChunks, AreEqualForEveryThreadAndNoLargerThanAllowed) {
  const SharedChunks chunks(100, 16, 2);  // 50 images a thread: 4 chunks of 12 or 13
  ASSERT_EQ(chunks.count(), 8);
  std::vector<int> seen(100, 0), of_thread(2, 0);
  for (int chunk = 0; chunk < chunks.count(); ++chunk) {
    EXPECT_LE(chunks.images(chunk).size(), 13);
    of_thread[static_cast<std::size_t>(chunk % 2)] += static_cast<int>(chunks.images(chunk).size());
    for (std::int64_t i = chunks.images(chunk).begin; i < chunks.images(chunk).end; ++i)
      ++seen[static_cast<std::size_t>(i)];
  }
  EXPECT_EQ(seen, std::vector<int>(100, 1));
  EXPECT_EQ(of_thread, std::vector<int>(2, 50));
}

// ---- the walk

/// A plan of two phases, the first of two segments, the second shared.
Plan small_plan(int max_batch, int threads, int group, int chunk) {
  Plan plan;
  plan.steps.resize(4);
  plan.phases = {{{{0, 0, group}, {1, 2, chunk}}, chunk, false}, {{{3, 3, 8}}, 8, true}};
  plan.max_batch = max_batch;
  plan.threads = threads;
  plan.chunk_arenas = std::min(threads, max_batch);
  return plan;
}

struct Record {
  int thread;
  int next_chunk;
  std::map<std::pair<std::size_t, int>, double>& done;  // (step, image): share of it
  std::map<int, std::set<int>>& arena_users;            // arena: threads that ran alone in it
  int meetings = 0;

  int take_chunk(std::size_t) { return next_chunk++ == 0 ? thread : 1 << 30; }
  void meet(const Team& team) {
    ++meetings;
    EXPECT_GE(thread, team.threads.begin);
    EXPECT_LT(thread, team.threads.end);
  }
  void meet_all() { ++meetings; }
  void run(std::size_t step, const CallPlace& at) {
    EXPECT_LT(at.worker, at.workers);
    for (int image = at.group_first; image < at.group_first + at.images; ++image)
      done[{step, image}] += 1.0 / at.workers;
    if (at.workers == 1) arena_users[at.arena].insert(thread);
  }
};

TEST(Walk, RunsEveryStepOnceForEveryImage) {
  for (const int threads : {1, 2, 3, 5, 8, 64}) {
    for (const int batch : {1, 2, 3, 7, 8, 13, 64, 100}) {
      SCOPED_TRACE(testing::Message() << batch << " images on " << threads << " threads");
      const Plan plan = small_plan(batch, threads, 2, 64);  // one chunk a thread
      const BatchSplit split = split_batch(batch, threads);
      std::map<std::pair<std::size_t, int>, double> done;
      std::map<int, std::set<int>> arena_users;
      for (int thread = 0; thread < threads; ++thread) {
        Record record{thread, 0, done, arena_users};
        Walk(plan, split, batch, thread, record).run();
      }
      ASSERT_EQ(done.size(), plan.steps.size() * static_cast<std::size_t>(batch));
      for (const auto& [what, share] : done) EXPECT_NEAR(share, 1, 1e-9);
      for (const auto& [arena, users] : arena_users) {
        EXPECT_LT(arena, plan.chunk_arenas);
        EXPECT_EQ(users.size(), 1u) << "arena " << arena;
      }
    }
  }
}

TEST(Walk, MeetsAsOftenInEveryThreadOfATeam) {
  Plan plan = small_plan(16, 8, 2, 4);
  plan.steps[2].waits = false;
  for (int batch = 1; batch <= 16; ++batch) {
    const BatchSplit split = split_batch(batch, plan.threads);
    std::map<int, std::set<int>> meetings;  // of a team's threads
    for (int thread = 0; thread < plan.threads; ++thread) {
      std::map<std::pair<std::size_t, int>, double> done;
      std::map<int, std::set<int>> arena_users;
      Record record{thread, 0, done, arena_users};
      Walk(plan, split, batch, thread, record).run();
      meetings[team_of(split, batch, plan.threads, thread).number].insert(record.meetings);
    }
    for (const auto& [team, counts] : meetings) EXPECT_EQ(counts.size(), 1u) << "team " << team;
  }
}

}  // namespace
}  // namespace octet::plan
