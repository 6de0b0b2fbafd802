#include "quantize/layer_statistics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <set>
#include <thread>

#include "tests/support/graph_builder.h"

namespace octet::quantize {
namespace {

constexpr float kScale = 0.02f;

LayerGeometry geometry_of(std::int64_t channels, std::int64_t size, graph::Convolution op) {
  test::GraphBuilder build;
  const auto in = build.input({1, channels, size, size});
  const auto out = build.convolution(in, op);
  return layer_geometry(build.finish({out}), build.graph().nodes.back());
}
LayerGeometry small_geometry() {
  return geometry_of(4, 6, {.window = test::square_window(3, 2, 1), .out_channels = 6, .groups = 2});
}

std::vector<std::vector<float>> random_pictures(std::size_t count, std::int64_t elements,
                                                std::uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> distribution(1, 1.5f);
  std::vector<std::vector<float>> pictures(count, std::vector<float>(static_cast<std::size_t>(elements)));
  for (auto& picture : pictures)
    for (float& v : picture) v = std::max(distribution(random), 0.0f);
  return pictures;
}

TEST(LayerGeometry, SeesAFullyConnectedLayerAsOneWindow) {
  test::GraphBuilder build;
  const auto in = build.input({1, 5, 3, 2});
  const auto out = build.inner_product(in, 7);
  const LayerGeometry g = layer_geometry(build.finish({out}), build.graph().nodes.back());
  EXPECT_EQ(g.column(), 30);
  EXPECT_EQ(g.taps(), 30);
  EXPECT_EQ(g.positions(), 1);
  EXPECT_EQ(g.out_channels, 7);
}

TEST(LayerGeometry, ATapIsOneWeightOfAnOutputChannel) {
  const LayerGeometry g = small_geometry();
  EXPECT_EQ(g.column(), 36);
  EXPECT_EQ(g.taps(), 18);
  EXPECT_EQ(g.positions(), 9);
}

TEST(LayerInput, RoundsAndClipsValuesAndOnlyRoundsPixels) {
  const LayerInput rectified{{.scale = 0.5f, .zero_point = 0}, false};
  EXPECT_EQ(rectified.integer(1.2f), 2);
  EXPECT_EQ(rectified.integer(1.25f), 2);
  EXPECT_EQ(rectified.integer(-3), 0);
  EXPECT_EQ(rectified.integer(1e9f), 255);
  const LayerInput with_sign{{.scale = 0.5f, .zero_point = 128}, false};
  EXPECT_EQ(with_sign.integer(-1.0f), -2);
  EXPECT_EQ(with_sign.integer(-1e9f), -128);
  EXPECT_EQ(with_sign.integer(1e9f), 127);
  EXPECT_EQ((LayerInput{{}, true}).integer(-103.9f), -104);
}

TEST(PictureSplit, FitsToThreePicturesOfFour) {
  const PictureSplit split{10};
  std::set<std::int64_t> ranks;
  for (std::int64_t p = 0; p < 10; ++p) {
    EXPECT_NE(split.is_fitted(p), split.is_apart(p));
    if (split.is_fitted(p)) ranks.insert(split.rank(p));
  }
  EXPECT_EQ(split.fitted(), 8);
  EXPECT_EQ(split.apart(), 2);
  EXPECT_EQ(ranks.size(), 8u);
  EXPECT_EQ(*ranks.rbegin(), 7);
  EXPECT_EQ(split.rank(7), 1);
  const PictureSplit few{3};
  EXPECT_TRUE(few.is_fitted(2) && few.is_apart(2));
  EXPECT_FALSE(few.has_apart());
}

TEST(LayerStatistics, MomentsAreThoseOfTheIntegerColumns) {
  // One window over the whole picture: each fitted picture is one column.
  const LayerGeometry g =
      geometry_of(4, 3, {.window = test::square_window(3), .out_channels = 6, .groups = 2});
  ASSERT_EQ(g.positions(), 1);
  const std::uint32_t seed = 4;
  const auto pictures = random_pictures(8, g.column(), seed);
  const LayerInput input{{.scale = kScale, .zero_point = 0}, false};
  LayerStatistics statistics(g, input, 8, true);
  for (std::size_t p = 0; p < pictures.size(); ++p) statistics.add(static_cast<std::int64_t>(p), pictures[p]);
  statistics.finish();
  ASSERT_EQ(statistics.samples(), 6);
  const auto taps = static_cast<std::size_t>(g.taps());
  const auto mean_of = [&](auto value) {
    double sum = 0;
    for (const std::size_t p : {0, 1, 2, 4, 5, 6}) sum += value(pictures[p]);
    return sum / 6;
  };
  for (std::size_t group = 0; group < 2; ++group) {
    const auto products = statistics.mean_products(static_cast<std::int64_t>(group));
    for (std::size_t t = 0; t < taps; ++t) {
      const std::size_t at = group * taps + t;
      EXPECT_NEAR(statistics.mean_integers()[at],
                  mean_of([&](const auto& p) { return double(input.integer(p[at])); }), 1e-9);
      EXPECT_NEAR(statistics.mean_input_error()[at], mean_of([&](const auto& p) {
                    return double(p[at]) - double(kScale) * input.integer(p[at]);
                  }),
                  1e-6);
      for (std::size_t u = 0; u < taps; ++u) {
        const double expected = mean_of(
            [&](const auto& p) { return double(input.integer(p[at])) * input.integer(p[group * taps + u]); });
        EXPECT_NEAR(products[t * taps + u], expected, 1e-6 * expected) << "seed " << seed;
      }
    }
  }
}

TEST(LayerStatistics, AConstantPictureGivesItsSquare) {
  // 1x1 windows without padding: every sample of every column is the same integer.
  const LayerGeometry g = geometry_of(3, 5, {.window = test::square_window(1), .out_channels = 2});
  LayerStatistics statistics(g, {{.scale = 0.5f, .zero_point = 0}, false}, 8, true);
  for (int p = 0; p < 8; ++p) statistics.add(p, std::vector<float>(75, 10.2f));  // 20.4 steps
  statistics.finish();
  for (const float product : statistics.mean_products(0)) EXPECT_FLOAT_EQ(product, 400);
  for (const double mean : statistics.mean_integers()) EXPECT_DOUBLE_EQ(mean, 20);
  for (const double error : statistics.mean_input_error()) EXPECT_NEAR(error, 0.2, 1e-5);
  ASSERT_GT(statistics.apart_columns(), 0);
  EXPECT_EQ(statistics.apart_reals(0)[0], 10.2f);
  EXPECT_EQ(statistics.apart_integers(0)[0], 20);
}

TEST(LayerStatistics, SamplesComeFromTheWholePictureAndTheHaloIsZero) {
  const LayerGeometry g = geometry_of(1, 4, {.window = test::square_window(3, 1, 1), .out_channels = 1});
  std::vector<float> picture(16);
  std::iota(picture.begin(), picture.end(), 1.0f);
  LayerStatistics statistics(g, {{.scale = 1, .zero_point = 0}, false}, 1, false);
  statistics.add(0, picture);
  statistics.finish();
  std::set<float> centres;
  for (std::int64_t i = 0; i < statistics.apart_columns(); ++i) {
    const auto column = statistics.apart_reals(i);
    centres.insert(column[4]);
    const auto at = static_cast<int>(column[4]) - 1;
    EXPECT_EQ(column[3], at % 4 == 0 ? 0 : column[4] - 1);
    EXPECT_EQ(column[1], at < 4 ? 0 : column[4] - 4);
  }
  EXPECT_GT(centres.size(), 6u);
}

TEST(LayerStatistics, DoNotDependOnTheOrderOfPicturesNorOnThreads) {
  const LayerGeometry g = geometry_of(5, 7, {.window = test::square_window(3, 1, 1), .out_channels = 4});
  const auto pictures = random_pictures(20, 5 * 49, 9);
  const LayerInput input{{.scale = kScale, .zero_point = 0}, false};
  LayerStatistics in_order(g, input, 20, true), threaded(g, input, 20, true);
  for (std::size_t p = 0; p < pictures.size(); ++p) in_order.add(static_cast<std::int64_t>(p), pictures[p]);
  std::vector<std::thread> threads;
  for (std::size_t first = 0; first < 3; ++first)
    threads.emplace_back([&, first] {
      for (std::size_t p = pictures.size(); p-- > 0;)
        if (p % 3 == first) threaded.add(static_cast<std::int64_t>(p), pictures[p]);
    });
  for (std::thread& thread : threads) thread.join();
  in_order.finish();
  threaded.finish();
  EXPECT_EQ(in_order.samples(), threaded.samples());
  EXPECT_EQ(in_order.mean_products(0), threaded.mean_products(0));
  EXPECT_EQ(in_order.mean_integers(), threaded.mean_integers());
  EXPECT_EQ(in_order.mean_input_error(), threaded.mean_input_error());
  ASSERT_EQ(in_order.apart_columns(), threaded.apart_columns());
  for (std::int64_t i = 0; i < in_order.apart_columns(); ++i)
    EXPECT_TRUE(std::ranges::equal(in_order.apart_reals(i), threaded.apart_reals(i)));
}

TEST(LayerStatistics, ManyPicturesOfLargestValuesDoNotOverflow) {
  const LayerGeometry g = geometry_of(2, 2, {.window = test::square_window(1), .out_channels = 1});
  const std::int64_t count = 60000;
  LayerStatistics statistics(g, {{.scale = 1, .zero_point = 0}, false}, count, true);
  const std::vector<float> picture(8, 1000.0f);
  for (std::int64_t p = 0; p < count; ++p) statistics.add(p, picture);
  statistics.finish();
  EXPECT_LE(statistics.samples(), LayerStatistics::kMostSamples);
  for (const float product : statistics.mean_products(0)) EXPECT_FLOAT_EQ(product, 65025);
  for (const double error : statistics.mean_input_error()) EXPECT_DOUBLE_EQ(error, 745);
}

}  // namespace
}  // namespace octet::quantize
