// FP32 convolution 3x3, stride 1, by Winograd's F(4x4, 3x3): 36 multiplications where the direct way needs
// 144. Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2015), with the points of
// Barabasz et al., "Error Analysis and Improving the Accuracy of Winograd Convolution" (2020), in mind.
//
// A tile is 4 x 4 output pixels; its patch the 6 x 6 input pixels under it. With the points 0, +-1/sqrt 2,
// +-sqrt 2 and infinity (a quarter of the error of 0, +-1, +-2), for each tile and channel
//
//   V = B^T patch B    U = G weights G^T    M = sum over input channels of V * U, point by point    Y = A^T M
//   A
//
//         | 1   0  -5/2   0   1  0 |        |   1      0     0   |
//         | 0  -2a  -2    a   1  0 |        | -2/3  -2a/3  -1/3  |         | 1   1     1    1    1   0 |
//   B^T = | 0   2a  -2   -a   1  0 |    G = | -2/3   2a/3  -1/3  |   A^T = | 0   a    -a    b   -b   0 |
//         | 0 -b/2 -1/2   b   1  0 |        |  1/6   b/6    1/3  |         | 0  1/2   1/2   2    2   0 |
//         | 0  b/2 -1/2  -b   1  0 |        |  1/6  -b/6    1/3  |         | 0  a/2  -a/2  2b   -2b  1 |
//         | 0   1    0  -5/2  0  1 |        |   0      0     1   |            a = 1/sqrt 2, b = sqrt 2
//
// so a layer is 36 matrix products, one a point. Tiles are numbered over all images of a call and taken in
// blocks, so that only a call's size, never an image's, leaves a block partly filled; each block passes over
// all output channels in panels of 32, its V in cache and U streaming from memory:
//
//   U  packed weights: for each panel of 32 output channels (the last may have 16), each of 36 points, each
//      group of `column_blocks` * 16 channels of the panel: [input channel, padded to 16][channel of the
//      group]; made in double precision. After the last panel: bias, padded to 16 with zeros.
//   V  [36][input channels / 16][tiles of the block][16]   in the worker's scratch
//   M  [36][2][tiles of the block][16]                     one panel's products, in the worker's scratch
//
// An odd number of cache lines lies between the points of V and of M, which keeps them out of each other's
// cache sets.
//
// A tile's values do not depend on which tiles share its block, so results are the same for any number of
// workers and any grouping of images. Non-finite values: a NaN or infinity in the input may spoil all 16
// pixels of each tile whose patch holds it (direct convolution: at most 9 pixels); no others.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/simd/activation.h"

namespace octet::kernels {

inline constexpr int kWinogradTile = 4;
inline constexpr int kWinogradPatch = 6;
inline constexpr int kWinogradPoints = 36;
inline constexpr int kWinogradPanelBlocks = 2;  // blocks of 16 output channels in a panel
inline constexpr int kWinogradMaxRows = 14;     // tiles in one product, on any instruction set
inline constexpr int kWinogradMaxBlock = 30;    // tiles in a block, on any instruction set

/// Where a tile's outputs of 16 channels go, and what is done to them on the way. Strides in floats.
struct WinogradStore {
  float* output;          // the tile's first pixel
  const float* residual;  // the same pixel of the shortcut, or null; may be the output's own memory
  std::ptrdiff_t row_stride;
  int rows, columns;  // of the tile that lie inside the output, 1..4
  const float* bias;  // 16 values
  Activation activation;
};

/// What an instruction set provides. All pointers are 64-byte aligned.
struct WinogradIsa {
  /// V of one patch of 16 channels: point p goes to v + p * point_stride. Rows of `patch` are row_stride
  /// apart.
  using InputTransform = void (*)(const float* patch, std::ptrdiff_t row_stride, float* v,
                                  std::ptrdiff_t point_stride);
  /// m[column / 16][row][column % 16] = sum over c of v[c / 16][row][c % 16] * u[c][column], for a fixed
  /// number of rows and columns. v_stride and m_stride: between their blocks of 16 channels.
  using Multiply = void (*)(const float* v, std::ptrdiff_t v_stride, const float* u,
                            std::int64_t input_blocks, float* m, std::ptrdiff_t m_stride);
  /// Y of one tile of 16 channels, from m + p * point_stride, finished and stored.
  using OutputTransform = void (*)(const float* m, std::ptrdiff_t point_stride, const WinogradStore& store);

  int column_blocks;  // blocks of 16 output channels that one product covers: 1 or 2
  int max_rows;       // tiles that one product covers
  int block_tiles;    // a multiple of max_rows
  InputTransform input_transform;
  OutputTransform output_transform;
  Multiply multiply[kWinogradPanelBlocks][kWinogradMaxRows];  // [column blocks - 1][rows - 1]
};

extern const WinogradIsa kWinogradAvx2;
extern const WinogradIsa kWinogradAvx512;

}  // namespace octet::kernels
