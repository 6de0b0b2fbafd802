// FP32 convolution by Winograd's minimal filtering F(m x m, r x r) on six points, m = 7 - r: 36
// multiplications where the direct way needs m^2 r^2. Lavin and Gray, "Fast Algorithms for Convolutional
// Neural Networks" (2015), with the points of Barabasz et al., "Error Analysis and Improving the Accuracy of
// Winograd Convolution" (2020), in mind.
//
// A tile is m x m output pixels; its patch the 6 x 6 input pixels under it. With the points 0, +-a, +-b and
// infinity, a = 1/sqrt 2, b = sqrt 2 (a quarter of the error of 0, +-1, +-2), for each tile and channel
//
//   V = B^T patch B    U = G weights G^T    M = sum over input channels of V * U, point by point    Y = A^T M
//   A
//
//         | 1   0  -5/2   0   1  0 |
//         | 0  -2a  -2    a   1  0 |    G: row of 0           1, 0, 0, ...
//   B^T = | 0   2a  -2   -a   1  0 |       row of p = +-a    -2/3 (1, p, p^2, ...)
//         | 0 -b/2 -1/2   b   1  0 |       row of p = +-b     1/6 (1, p, p^2, ...)
//         | 0  b/2 -1/2  -b   1  0 |       row of infinity    0, ..., 0, 1
//         | 0   1    0  -5/2  0  1 |    A^T: row i is p^i; infinity counts in the last row only
//
// B^T knows nothing of r, so one method serves 3 x 3 (m = 4), 4 x 4 (m = 3) and 5 x 5 (m = 2).
//
// Two things spare further work:
//
// - *Short tiles.* Where m does not divide the map, tiles at its end are one pixel shorter along that axis (a
//   row of 13 is 4 + 3 + 3 + 3, not 16), which leaves out the point 0 and keeps U:
//
//         | -1  -2a  1/2   a  0 |
//         | -1   2a  1/2  -a  0 |
//   B^T = | -1 -b/2   2    b  0 |    for the points a, -a, b, -b and infinity; A^T has one row less.
//         | -1  b/2   2   -b  0 |
//         |  1   0  -5/2   0  1 |
//
// - *Phases.* A planar input with stride s is the convolution with stride 1 of its s x s phases as so many
//   channels: kernels of up to s r. An 11 x 11 layer of stride 4 on 3 channels is a 3 x 3 one on 48, a 7 x 7
//   of stride 2 a 4 x 4 one on 12.
//
// A layer is 36 matrix products, one a point. Tiles are numbered over all images of a call and taken in
// blocks, so that only a call's size, never an image's, leaves a block partly filled; each block passes over
// all output channels in panels of 32, its V in cache and U streaming from memory:
//
//   U  packed weights: for each panel of 32 output channels (the last of a group may have 16), each of 36
//      points, each set of `column_blocks` * 16 channels of the panel: [input channel, padded to 4][channel
//      of the set]; made in double precision. After the last panel: bias, padded to 16 with zeros.
//   V  [36][input channels / 16][tiles of the block][16]   of one group, in the worker's scratch
//   M  [36][2][tiles of the block][16]                     one panel's products, in the worker's scratch
//
// Within a block tiles are sorted by their shortness, so that those which have a point lie side by side. An
// odd number of cache lines lies between the points of V and of M, which keeps them out of each other's cache
// sets.
//
// BF16 maps (kNhwc) take the same way, being widened to patches and narrowed from finished tiles in the
// first-level cache: products and sums are FP32, U is made of weights rounded to BF16, and an output is what
// FP32 gives for these inputs and weights, rounded to BF16 once. The error before that rounding is FP32
// Winograd's (1e-5 of the output's range), which takes the place of conv_dot/contract.h's bound.
//
// A tile's values do not depend on which tiles share its block, so results are the same for any number of
// workers and any grouping of images. Non-finite values: a NaN or infinity in the input may spoil all pixels
// of each tile whose patch holds it (direct convolution: only those whose window does); no others.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/simd/activation.h"

namespace octet::kernels {

inline constexpr int kWinogradPatch = 6;
inline constexpr int kWinogradPoints = kWinogradPatch * kWinogradPatch;
inline constexpr int kWinogradSmallestKernel = 3, kWinogradLargestKernel = 5;  // r
inline constexpr int kWinogradPanelBlocks = 2;  // blocks of 16 output channels in a panel
inline constexpr int kWinogradMaxRows = 14;     // tiles in one product, on any instruction set
inline constexpr int kWinogradMaxBlock = 30;    // tiles in a block, on any instruction set

/// m: outputs of a whole tile along one axis.
constexpr int winograd_tile(int kernel) { return kWinogradPatch + 1 - kernel; }

/// Where a tile's outputs of 16 channels go, and what is done to them on the way. Strides in floats.
struct WinogradStore {
  float* output;          // the tile's first pixel
  const float* residual;  // the same pixel of the shortcut, or null; may be the output's own memory
  std::ptrdiff_t row_stride;
  int rows, columns;  // of the tile that lie inside the output
  const float* bias;  // 16 values
  Activation activation;
};

/// 16 channels of a rectangle of pixels of a kNhwc map of BF16. Strides in bytes.
struct WinogradBf16Pixels {
  std::byte* first;
  std::ptrdiff_t row_stride, pixel_stride;
  std::int64_t rows, columns;
};

/// What an instruction set provides. All pointers are 64-byte aligned. Transforms are indexed by whether the
/// tile is short in its [rows][columns]; they neither write nor read the points that it lacks.
struct WinogradIsa {
  /// V of one patch of 16 channels: point p goes to v + p * point_stride. Rows of `patch` are row_stride
  /// apart.
  using InputTransform = void (*)(const float* patch, std::ptrdiff_t row_stride, float* v,
                                  std::ptrdiff_t point_stride);
  /// m[column / 16][row][column % 16] = sum over c of v[c / 16][row][c % 16] * u[c][column] for `channels`
  /// input channels, a multiple of 4, and a fixed number of rows and columns. v_stride and m_stride: between
  /// their blocks of 16 channels.
  using Multiply = void (*)(const float* v, std::ptrdiff_t v_stride, const float* u, std::int64_t channels,
                            float* m, std::ptrdiff_t m_stride);
  /// Y of one tile of 16 channels, from m + p * point_stride, finished and stored.
  using OutputTransform = void (*)(const float* m, std::ptrdiff_t point_stride, const WinogradStore& store);

  /// Between BF16 and floats whose pixels are 16 and whose rows are row_stride apart.
  using Widen = void (*)(const WinogradBf16Pixels& from, float* to, std::ptrdiff_t row_stride);
  using Narrow = void (*)(const float* from, std::ptrdiff_t row_stride, const WinogradBf16Pixels& to);

  int column_blocks;  // blocks of 16 output channels that one product covers: 1 or 2
  int max_rows;       // tiles that one product covers
  int block_tiles;    // a multiple of max_rows
  InputTransform input_transform[2][2];
  OutputTransform output_transform[kWinogradLargestKernel - kWinogradSmallestKernel + 1][2][2];  // [r - 3]
  Multiply multiply[kWinogradPanelBlocks][kWinogradMaxRows];  // [column blocks - 1][rows - 1]
  Widen widen;
  Narrow narrow;
};

extern const WinogradIsa kWinogradAvx2;
extern const WinogradIsa kWinogradAvx512;

}  // namespace octet::kernels
