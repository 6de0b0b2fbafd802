// Convolution as it is defined, arranged so that the compiler's vectors run along output positions: the taps
// that a few neighbouring outputs see are gathered into columns (zero where the window leaves the input), and
// every output channel is the dot product of its weights with each column.
#include <algorithm>

#include "reference/operations.h"

namespace octet::reference {
namespace {

constexpr std::int64_t kTile = 8;               // positions whose sums stay in registers
constexpr std::int64_t kPositions = 2 * kTile;  // positions of one piece of work

/// Sizes of one convolution, and where in the batch each output position lies.
struct Geometry {
  Geometry(const graph::Convolution& op, const Shape& in, const Shape& out)
      : window(op.window),
        channels(in[1]),
        height(in[2]),
        width(in[3]),
        out_channels(out[1]),
        out_height(out[2]),
        out_width(out[3]),
        images(out[0]),
        group_inputs(in[1] / op.groups),
        group_outputs(out[1] / op.groups),
        taps(group_inputs * window.kernel_h * window.kernel_w) {}

  const graph::Window& window;
  std::int64_t channels, height, width;
  std::int64_t out_channels, out_height, out_width;
  std::int64_t images;
  std::int64_t group_inputs, group_outputs;
  std::int64_t taps;  // of one output

  std::int64_t out_pixels() const { return out_height * out_width; }
  std::int64_t positions() const { return images * out_pixels(); }
};

/// One output position of the batch: its image, its place in the map, and its window's first input row and
/// column.
struct Position {
  std::int64_t image, pixel, first_row, first_column;
};

Position locate(const Geometry& g, std::int64_t index) {
  const std::int64_t pixel = index % g.out_pixels();
  return {index / g.out_pixels(), pixel, pixel / g.out_width * g.window.stride_h - g.window.pad_top,
          pixel % g.out_width * g.window.stride_w - g.window.pad_left};
}

/// columns[tap][position], taps in the order of the weights.
void gather_columns(const Geometry& g, std::span<const float> input, std::span<const Position> positions,
                    std::int64_t group, double* columns) {
  for (std::int64_t c = group * g.group_inputs; c < (group + 1) * g.group_inputs; ++c) {
    for (std::int64_t ky = 0; ky < g.window.kernel_h; ++ky) {
      for (std::int64_t kx = 0; kx < g.window.kernel_w; ++kx, columns += kPositions) {
        std::fill_n(columns, kPositions, 0.0);
        for (std::size_t p = 0; p < positions.size(); ++p) {
          const std::int64_t y = positions[p].first_row + ky * g.window.dilation_h;
          const std::int64_t x = positions[p].first_column + kx * g.window.dilation_w;
          if (y < 0 || y >= g.height || x < 0 || x >= g.width) continue;
          const std::int64_t plane = positions[p].image * g.channels + c;
          columns[p] =
              static_cast<double>(input[static_cast<std::size_t>((plane * g.height + y) * g.width + x)]);
        }
      }
    }
  }
}

/// sums[output][position] of `Outputs` neighbouring output channels over kTile positions.
template <int Outputs>
void dot_products(const double* columns, const float* weights, std::int64_t taps,
                  double (&sums)[Outputs][kTile]) {
  for (auto& row : sums) std::fill_n(row, kTile, 0.0);
  for (std::int64_t t = 0; t < taps; ++t) {
    for (int o = 0; o < Outputs; ++o) {
      const double w = static_cast<double>(weights[o * taps + t]);
      for (std::int64_t p = 0; p < kTile; ++p) sums[o][p] += w * columns[t * kPositions + p];
    }
  }
}

double dot_product(const float* a, const float* b, std::int64_t count) {
  constexpr std::int64_t kLanes = 8;  // partial sums in a fixed order, for the compiler's vectors
  double partial[kLanes] = {};
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane) {
      partial[lane] += static_cast<double>(a[i + lane]) * static_cast<double>(b[i + lane]);
    }
  }
  double sum = 0;
  for (double p : partial) sum += p;
  for (; i < count; ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

}  // namespace

void convolution(const graph::Convolution& op, const Input& in, std::span<const float> weights,
                 std::span<const float> bias, std::span<const float> residual, const Output& out,
                 Parallel& parallel) {
  const Geometry g(op, in.shape, out.shape);
  std::vector<std::vector<double>> columns(static_cast<std::size_t>(parallel.threads()));
  for (auto& c : columns) c.resize(static_cast<std::size_t>(g.taps * kPositions));

  const auto write = [&](const Position& position, std::int64_t channel, double sum) {
    const auto at = static_cast<std::size_t>((position.image * g.out_channels + channel) * g.out_pixels() +
                                             position.pixel);
    if (!bias.empty()) sum += static_cast<double>(bias[static_cast<std::size_t>(channel)]);
    if (!residual.empty()) sum += static_cast<double>(residual[at]);
    out.values[at] = static_cast<float>(activate(sum, op.relu));
  };
  const auto compute = [&]<int kOutputs>(std::span<const Position> tile, const double* tile_columns,
                                         std::int64_t channel) {
    double sums[kOutputs][kTile];
    dot_products(tile_columns, weights.data() + channel * g.taps, g.taps, sums);
    for (int o = 0; o < kOutputs; ++o) {
      for (std::size_t p = 0; p < tile.size(); ++p) write(tile[p], channel + o, sums[o][p]);
    }
  };

  parallel.for_each((g.positions() + kPositions - 1) / kPositions, [&](std::int64_t piece, int worker) {
    Position positions[kPositions];
    const std::int64_t first = piece * kPositions;
    const std::int64_t count = std::min(kPositions, g.positions() - first);
    for (std::int64_t p = 0; p < count; ++p) positions[p] = locate(g, first + p);
    double* gathered = columns[static_cast<std::size_t>(worker)].data();
    for (std::int64_t group = 0; group < op.groups; ++group) {
      gather_columns(g, in.values, std::span(positions, static_cast<std::size_t>(count)), group, gathered);
      const std::int64_t end = (group + 1) * g.group_outputs;
      for (std::int64_t channel = group * g.group_outputs; channel < end; channel += 2) {
        for (std::int64_t p = 0; p < count; p += kTile) {
          const std::span tile(positions + p, static_cast<std::size_t>(std::min(kTile, count - p)));
          if (channel + 1 < end) {
            compute.template operator()<2>(tile, gathered + p, channel);
          } else {
            compute.template operator()<1>(tile, gathered + p, channel);
          }
        }
      }
    }
  });
}

void inner_product(const graph::InnerProduct& op, const Input& in, std::span<const float> weights,
                   std::span<const float> bias, const Output& out, Parallel& parallel) {
  const std::int64_t images = in.shape[0];
  const std::int64_t features = in.shape.elements_per_image();
  parallel.for_each(op.out_features, [&](std::int64_t o, int) {
    for (std::int64_t n = 0; n < images; ++n) {
      double sum = dot_product(weights.data() + o * features, in.values.data() + n * features, features);
      if (!bias.empty()) sum += static_cast<double>(bias[static_cast<std::size_t>(o)]);
      out.values[static_cast<std::size_t>(n * op.out_features + o)] =
          static_cast<float>(activate(sum, op.relu));
    }
  });
}

}  // namespace octet::reference
