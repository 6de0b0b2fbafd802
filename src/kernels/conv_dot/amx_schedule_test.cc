// What convolution by tiles does, instruction by instruction: a CPU with tiles is fast only in this order
// (amx_block.h), so the order and the counts are facts to check. On the model; amx_object_code_test.cc
// compares the object code's traces with the model's.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "kernels/conv_dot/test_amx_convolution.h"

namespace octet::kernels {
namespace {

using conv_dot::Case;
using conv_dot::model_trace;
using conv_dot::square;
using conv_dot::Trace;

bool is(const std::string& event, const char* what) { return event.rfind(what, 0) == 0; }
std::int64_t count(const Trace& trace, const std::string& what) {
  return std::count_if(trace.begin(), trace.end(),
                       [&](const std::string& event) { return is(event, what.c_str()); });
}

/// A line for each step or end of a panel, rows that are finished together as a range.
std::string lines(const Trace& trace) {
  std::ostringstream s;
  for (std::size_t i = 0; i < trace.size(); ++i) {
    s << (i == 0 ? "" : trace[i] == "zero 0" || trace[i] == "release" ? "\n" : ", ");
    s << trace[i];
    if (!is(trace[i], "finish")) continue;
    std::size_t last = i;
    while (last + 1 < trace.size() && is(trace[last + 1], "finish")) ++last;
    if (last > i) s << "-" << trace[last].substr(7);
    i = last;
  }
  return s.str();
}

TEST(AmxSchedule, WeightsOfOneStepStayInTilesForSeveralBlocks) {
  // 64 rows x 64 bytes x 32 channels: one panel, two blocks.
  EXPECT_EQ(lines(model_trace({64, 8, 8, 32, square(1)})),
            "configure, load 6, load 7\n"
            "zero 0, load 4, dot 0, zero 1, dot 1, zero 2, load 5, dot 2, store 0, zero 3, dot 3, store 1\n"
            "zero 0, load 4, dot 0, store 2, finish 0-7, zero 1, dot 1, store 3, finish 8-15, "
            "zero 2, load 5, dot 2, store 0, finish 16-23, zero 3, dot 3, store 1, finish 24-31, "
            "store 2, store 3, finish 0-31\n"
            "release");
}

TEST(AmxSchedule, APanelIsFinishedBetweenTheProductsOfTheNext) {
  // 32 rows x 128 bytes x 64 channels: one block, two panels of two steps.
  EXPECT_EQ(lines(model_trace({128, 4, 8, 64, square(1)})),
            "configure\n"
            "zero 0, load 6, load 4, dot 0, zero 1, load 7, dot 1, zero 2, load 5, dot 2, zero 3, dot 3, "
            "load 6, load 4, dot 0, load 7, dot 1, load 5, dot 2, store 0, dot 3, store 1\n"
            "zero 0, load 6, load 4, dot 0, store 2, finish 0-3, zero 1, load 7, dot 1, store 3, finish 4-7, "
            "zero 2, load 5, dot 2, finish 8-11, zero 3, dot 3, finish 12-15, "
            "load 6, load 4, dot 0, finish 16-19, load 7, dot 1, finish 20-23, load 5, dot 2, store 0, "
            "finish 24-27, dot 3, store 1, finish 28-31, store 2, store 3, finish 0-31\n"
            "release");
}

/// Layers whose channels and steps fill their tiles.
struct Full {
  Case layer;
  int images;
  std::int64_t rows, steps;
};
const std::vector<Full> kFull = {
    {{64, 16, 16, 64, square(1)}, 1, 256, 1},          {{64, 8, 20, 256, square(1)}, 1, 160, 1},
    {{256, 8, 8, 64, square(1)}, 2, 128, 4},           {{1024, 4, 8, 256, square(1)}, 1, 32, 16},
    {{128, 4, 4, 128, square(4)}, 64, 64, 32},         {{512, 7, 7, 96, square(1)}, 32, 49 * 32, 8},
    {{64, 17, 18, 32, square(3)}, 1, 14 * 18 + 16, 9},
};

TEST(AmxSchedule, ProductsAreAsManyAsFullTilesNeed) {
  for (const Full& full : kFull) {
    const ConvDesc desc = full.layer.desc();
    SCOPED_TRACE(conv_dot::describe(desc));
    const std::int64_t row_tiles = (full.rows + 15) / 16, columns = desc.output.channels / 16;
    const Trace trace = model_trace(full.layer, full.images);
    EXPECT_EQ(count(trace, "dot"), row_tiles * columns * full.steps);
    EXPECT_EQ(count(trace, "dot"), conv_dot::amx_work(desc, full.images).products * full.images);
    EXPECT_EQ(count(trace, "zero"), row_tiles * columns);
    EXPECT_EQ(count(trace, "store"), row_tiles * columns);
    EXPECT_EQ(count(trace, "finish"), desc.output.pixels() * full.images * columns / 2);
  }
}

TEST(AmxSchedule, FourProductsShareFourLoads) {
  for (const Full& full : kFull) {
    const ConvDesc desc = full.layer.desc();
    SCOPED_TRACE(conv_dot::describe(desc));
    const Trace trace = model_trace(full.layer, full.images);
    const std::int64_t row_loads = count(trace, "load 4") + count(trace, "load 5");
    const std::int64_t weight_loads =
        count(trace, "load 6") + count(trace, "load 7") + count(trace, "stream");
    EXPECT_EQ(row_loads, count(trace, "dot") / 2);
    if (full.steps > 1) {
      EXPECT_LE(weight_loads, (count(trace, "dot") + full.steps * desc.output.channels / 16) / 2);
    } else {  // once for each panel and four blocks
      EXPECT_EQ(weight_loads, (full.rows + 127) / 128 * desc.output.channels / 16);
    }
  }
}

TEST(AmxSchedule, WeightsPassTheFirstLevelCacheWhereTheyAreTooManyForIt) {
  const auto streams = [](const Case& c, int images = 1) {
    const Trace trace = model_trace(c, images);
    const std::int64_t streamed = count(trace, "stream");
    EXPECT_TRUE(streamed == 0 || count(trace, "load 6") == 0);
    return streamed > 0;
  };
  EXPECT_FALSE(streams({64, 8, 8, 256, square(1)}));
  EXPECT_FALSE(streams({128, 8, 8, 128, square(1)}));
  EXPECT_FALSE(streams({256, 8, 8, 64, square(1)}));
  EXPECT_TRUE(streams({256, 8, 8, 256, square(1)}));
  EXPECT_TRUE(streams({1024, 7, 7, 256, square(1)}));
  EXPECT_TRUE(streams({128, 8, 8, 128, square(3, 1, 1)}));
  EXPECT_TRUE(streams({4096, 1, 1, 64, square(1)}, 32));
}

/// Of each store within a call: how many products begin between the last one of its sums and it. The stores
/// behind the last panel wait for theirs.
std::map<std::string, std::int64_t> products_before_stores(const Trace& trace) {
  std::map<std::string, std::int64_t> least;
  std::map<char, std::int64_t> product_of;
  std::int64_t products = 0;
  for (std::size_t i = 0; i < trace.size(); ++i) {
    if (is(trace[i], "dot")) product_of[trace[i].back()] = ++products;
    const bool last_panel = std::none_of(trace.begin() + static_cast<std::ptrdiff_t>(i), trace.end(),
                                         [](const std::string& event) { return is(event, "dot"); });
    if (!is(trace[i], "store") || last_panel) continue;
    const std::int64_t between = products - product_of[trace[i].back()];
    const auto [place, first] = least.emplace(trace[i], between);
    if (!first) place->second = std::min(place->second, between);
  }
  return least;
}

TEST(AmxSchedule, StoresDoNotWaitForTheirProducts) {
  for (const Case& c : {Case{64, 16, 16, 64, square(1)}, Case{256, 8, 8, 96, square(1)},
                        Case{64, 9, 9, 64, square(3, 1, 1)}}) {
    SCOPED_TRACE(conv_dot::describe(c.desc()));
    const auto between = products_before_stores(model_trace(c));
    ASSERT_EQ(between.size(), 4U);
    for (const auto& [store, products] : between) EXPECT_EQ(products, 2) << store;
  }
}

TEST(AmxSchedule, TailsTakeNoProductsForWhatIsNotThere) {
  const auto dots = [](const Case& c, int images = 1) { return count(model_trace(c, images), "dot"); };
  EXPECT_EQ(dots({64, 1, 16, 32, square(1)}), 2) << "16 rows";
  EXPECT_EQ(dots({64, 1, 17, 32, square(1)}), 4) << "17 rows";
  EXPECT_EQ(dots({64, 1, 33, 32, square(1)}), 6) << "33 rows";
  EXPECT_EQ(dots({64, 4, 8, 16, square(1)}), 2) << "16 channels";
  EXPECT_EQ(dots({64, 4, 8, 48, square(1)}), 6) << "48 channels";
  EXPECT_EQ(dots({65, 4, 8, 32, square(1)}), 8) << "a depth of 65 bytes";
  EXPECT_EQ(dots({64, 7, 7, 32, square(1)}, 5), 2 * 16) << "245 rows of five images";
}

TEST(AmxSchedule, FirstLayersUseTheirSteps) {
  const auto steps = [](const Case& c) {
    Case picture = c;
    picture.picture = 4;
    const ConvDesc desc = picture.desc();
    const conv_dot::AmxWorkCount work = conv_dot::amx_work(desc, 1);
    return work.products / work.sums;
  };
  EXPECT_EQ(steps({3, 224, 224, 64, square(7, 2, 3)}), 4) << "7 x 7 x 4 = 196 bytes";
  EXPECT_EQ(steps({3, 224, 224, 64, square(3, 1, 1)}), 1) << "36 bytes";
  EXPECT_EQ(steps({3, 227, 227, 96, square(11, 4)}), 9)
      << "484 bytes, of which 8 steps would copy each thrice";
}

TEST(AmxSchedule, WorkersTogetherDoTheWorkOnce) {
  const Case fully_connected{256, 3, 3, 320, square(3)}, pointwise{128, 16, 24, 64, square(1)};
  for (const auto& [layer, images] : {std::pair(fully_connected, 70), std::pair(pointwise, 3)}) {
    const Trace one = model_trace(layer, images);
    for (int workers : {2, 3}) {
      const Trace all = model_trace(layer, images, {.workers = workers});
      EXPECT_EQ(count(all, "dot"), count(one, "dot")) << workers;
      EXPECT_EQ(count(all, "configure"), workers);
      EXPECT_EQ(count(all, "release"), workers);
    }
  }
  // Its weights are read from memory once, for all images: each worker's panels are its own.
  const Trace two = model_trace(fully_connected, 70, {.workers = 2});
  const auto end = std::find(two.begin(), two.end(), "release");
  for (const Trace& half : {Trace(two.begin(), end), Trace(end, two.end())}) {
    EXPECT_EQ(count(half, "stream"), 36 * 10 * 3)
        << "36 steps, 10 of 20 blocks of channels, 3 blocks of images";
  }
}

TEST(AmxSchedule, EachCallConfiguresOnceAndReleases) {
  const Trace trace = model_trace({64, 9, 9, 96, square(3, 1, 1), 2}, 3);
  EXPECT_EQ(trace.front(), "configure");
  EXPECT_EQ(trace.back(), "release");
  EXPECT_EQ(count(trace, "configure"), 1);
  EXPECT_EQ(count(trace, "release"), 1);
  EXPECT_FALSE(conv_dot::tile_model().configured());
}

}  // namespace
}  // namespace octet::kernels
