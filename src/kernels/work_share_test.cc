#include "kernels/work_share.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace octet::kernels {
namespace {

/// Lanes before each of `panels` panels of 64, the last one narrower by `missing`.
std::vector<std::int64_t> panels_of_64(int panels, int missing = 0) {
  std::vector<std::int64_t> lanes = {0};
  for (int p = 1; p <= panels; ++p) lanes.push_back(64 * p);
  lanes.back() -= missing;
  return lanes;
}

std::int64_t lanes_of(const OutputSpace& space, const Share& panels) {
  return space.panels[static_cast<std::size_t>(panels.end)] -
         space.panels[static_cast<std::size_t>(panels.begin)];
}

/// Pixels times lanes of each worker.
std::vector<std::int64_t> work_of(const OutputSpace& space, const TileLimits& limits, int workers) {
  std::vector<std::int64_t> work(static_cast<std::size_t>(workers), 0);
  for (int worker = 0; worker < workers; ++worker) {
    WorkShare(space, worker, workers).for_each_tile(limits, [&](const WorkTile& tile) {
      work[static_cast<std::size_t>(worker)] += tile.pixels() * lanes_of(space, tile.panels);
    });
  }
  return work;
}

double imbalance(const OutputSpace& space, const TileLimits& limits, int workers) {
  const std::vector<std::int64_t> work = work_of(space, limits, workers);
  return static_cast<double>(*std::max_element(work.begin(), work.end())) * workers /
         static_cast<double>(space.pixels() * space.lanes());
}

std::vector<WorkTile> tiles_of(const OutputSpace& space, const TileLimits& limits, int worker, int workers) {
  std::vector<WorkTile> tiles;
  WorkShare(space, worker, workers).for_each_tile(limits, [&](const WorkTile& tile) {
    tiles.push_back(tile);
  });
  return tiles;
}

TEST(WorkShare, OfOneWorkerIsAllOfItInTilesOfEqualSize) {
  const auto panels = panels_of_64(4);
  const OutputSpace space{.columns = 784, .panels = panels};
  const std::vector<WorkTile> tiles = tiles_of(space, {.columns = 256}, 0, 1);
  ASSERT_EQ(tiles.size(), 4u);
  for (const WorkTile& tile : tiles) {
    EXPECT_EQ(tile.pixels(), 196);
    EXPECT_EQ(tile.panels.size(), 4);
  }
}

TEST(WorkShare, TakesSeveralImagesInATileOfWholeMaps) {
  const auto panels = panels_of_64(2);
  const OutputSpace space{.images = 8, .rows = 7, .columns = 7, .panels = panels};
  const std::vector<WorkTile> tiles = tiles_of(space, {.images = 5, .rows = 7, .columns = 7}, 0, 1);
  ASSERT_EQ(tiles.size(), 2u);
  EXPECT_EQ(tiles[0].images, 4);
  EXPECT_EQ(tiles[1].image, 4);
}

TEST(WorkShare, OfALargeMapHasAllChannelsAndOfASmallOneAllPixels) {
  const auto four = panels_of_64(4), thirty_two = panels_of_64(32);
  EXPECT_EQ(WorkShare({.columns = 3136, .panels = four}, 0, 2).parts(), 1);
  EXPECT_EQ(WorkShare({.columns = 49, .panels = thirty_two}, 0, 2).parts(), 2);
  EXPECT_EQ(WorkShare({.columns = 49, .panels = thirty_two}, 0, 8).parts(), 8);
}

TEST(WorkShare, DoesNotRepeatAnExpensiveInputForEveryPanel) {
  const auto panels = panels_of_64(8);
  const OutputSpace cheap{.columns = 196, .panels = panels, .input_lanes = 1},
      expensive{.columns = 196, .panels = panels, .input_lanes = 100};
  EXPECT_GT(WorkShare(cheap, 0, 8).parts(), WorkShare(expensive, 0, 8).parts());
}

TEST(WorkShare, BeginsAtWholeRowsWhereThereAreMany) {
  const auto panels = panels_of_64(1);
  const OutputSpace space{.rows = 109, .columns = 109, .panels = panels};
  for (const WorkTile& tile : tiles_of(space, {.rows = 4, .columns = 256}, 1, 2))
    EXPECT_EQ(tile.columns, 109);
}

TEST(WorkShare, DoesNotTakeANarrowPanelForAWholeOne) {
  const auto panels = panels_of_64(2, 48);  // 64 and 16
  const OutputSpace space{.columns = 196, .panels = panels};
  EXPECT_LE(imbalance(space, {.columns = 256}, 2), 1.01);
  EXPECT_LE(imbalance(space, {.columns = 256}, 8), 1.05);
}

TEST(WorkShare, CoversEveryOutputOnceWithinTheLimits) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937 random(seed);
  const auto up_to = [&](int most) { return static_cast<int>(random() % static_cast<unsigned>(most)) + 1; };
  for (int round = 0; round < 2000; ++round) {
    const auto panels = panels_of_64(up_to(12), 16 * (up_to(4) - 1));
    const OutputSpace space{.images = up_to(5),
                            .rows = up_to(14),
                            .columns = up_to(30),
                            .panels = panels,
                            .input_lanes = up_to(64)};
    const TileLimits limits{up_to(4), up_to(14), up_to(30)};
    const int workers = up_to(70);
    std::vector<int> seen(static_cast<std::size_t>(space.pixels() * space.panel_count()), 0);
    for (int worker = 0; worker < workers; ++worker) {
      for (const WorkTile& tile : tiles_of(space, limits, worker, workers)) {
        ASSERT_GT(tile.pixels(), 0);
        ASSERT_GT(tile.panels.size(), 0);
        ASSERT_LE(tile.images, limits.images);
        ASSERT_LE(tile.rows, limits.rows);
        ASSERT_LE(tile.columns, limits.columns);
        if (tile.images > 1) {
          ASSERT_EQ(tile.rows, space.rows);
        }
        if (tile.rows > 1) {
          ASSERT_EQ(tile.columns, space.columns);
        }
        for (std::int64_t n = tile.image; n < tile.image + tile.images; ++n)
          for (std::int64_t y = tile.row; y < tile.row + tile.rows; ++y)
            for (std::int64_t x = tile.column; x < tile.column + tile.columns; ++x)
              for (std::int64_t p = tile.panels.begin; p < tile.panels.end; ++p)
                ++seen[static_cast<std::size_t>(
                    ((n * space.rows + y) * space.columns + x) * space.panel_count() + p)];
      }
    }
    ASSERT_EQ(seen, std::vector<int>(seen.size(), 1));
  }
}

// The grain is a pixel of a part: whoever gets ten of the widest has at most a tenth too many.
TEST(WorkShare, IsEvenWhereverAWorkerGetsTenPixelsOfAllPanelsOfItsPart) {
  for (const int workers : {2, 3, 4, 5, 6, 7, 8, 12, 16, 24, 32, 48, 64, 96, 128}) {
    for (const std::int64_t side : {7, 13, 14, 27, 28, 56, 111}) {
      for (const int count : {1, 2, 3, 5, 8, 32}) {
        for (const bool by_rows : {false, true}) {
          const auto panels = panels_of_64(count, count > 1 ? 32 : 0);
          const OutputSpace space{
              .rows = by_rows ? side : 1, .columns = by_rows ? side : side * side, .panels = panels};
          const int parts = WorkShare(space, 0, workers).parts();
          const std::int64_t widest = (count + parts - 1) / parts * 64;
          if (space.pixels() * space.lanes() < 10 * workers * widest) continue;
          EXPECT_LE(imbalance(space, {1, 6, 256}, workers), 1.1)
              << workers << " workers, " << side << " x " << side << ", " << count << " panels";
        }
      }
    }
  }
}

TEST(WorkShare, OfLessWorkThanWorkersLeavesNobodyMoreThanOnePixel) {
  const auto panels = panels_of_64(1);
  const OutputSpace space{.columns = 49, .panels = panels};
  const std::vector<std::int64_t> work = work_of(space, {.columns = 49}, 64);
  EXPECT_EQ(*std::max_element(work.begin(), work.end()), 64);
}

}  // namespace
}  // namespace octet::kernels
