// Exact INT8 Winograd: convolution 3x3 and larger, stride 1, of u8 by s8 with as little as a quarter of the
// direct way's multiplications, in integers throughout, giving the direct convolution's very accumulator. The
// same bits, so it is a matter of speed alone where it is chosen. What is computed:
// kernels/integer/arithmetic.h.
//
// One dimension. A tile of m neighbouring outputs y[i] = sum_k d[i + k] g[k] of a filter g reads m + 2 inputs
// d. Take m + 1 points p, distinct small integers, and "infinity". Then (Toom and Cook, transposed by
// Winograd; Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2015), the middle product
// being element by element,
//
//   24 y = A^T [(G g) * (B^T d)]
//
//   column p of A^T   1, p, p^2, ..., p^(m-1)                           infinity: 0, ..., 0, 4
//   row p of G        g_p (1, p, p^2)                                   infinity: (0, 0, 6)
//   row p of B^T      b_p * coefficients of prod over q != p of (x - q)   infinity: of prod over all q
//
// with g_p b_p = 24 / prod over q != p of (p - q). Three kinds of tile have points that contain one another,
//
//   m = 4:  0, 1, -1, 2, -2, infinity      m = 3:  0, 1, -1, 2, infinity      m = 2:  0, 1, -1, infinity
//
// and 24 is the least number for which all three can have one G of integers. So the same transformed weights
// serve all: a smaller tile skips points. Maps whose sizes are no multiple of 4 are cut without waste: 14 = 4
// + 4 + 4 + 2, 13 = 4 + 4 + 3 + 2, 7 = 4 + 3. B^T, whose columns are the inputs:
//
//              G                 m = 4                   m = 3               m = 2
//     0    6   0   0      4  0 -5  0  1  0        4 -2 -4  2  0        4  0 -4  0
//     1   -4  -4  -4      0 -4 -4  1  1  0        0 -6 -3  3  0        0 -3 -3  0
//    -1   -4   4  -4      0  4 -4 -1  1  0        0  2 -3  1  0        0  3 -3  0
//     2    1   2   4      0 -2 -1  2  1  0        0 -4  0  4  0
//    -2    1  -2   4      0  2 -1 -2  1  0
//   inf    0   0   6      0  4  0 -5  0  1        0  2 -1 -2  1        0 -1  0  1
//
// Two dimensions, kinds of a tile's height and width on their own: with
//
//   V = B^T d B,  U = G g G^T,  M[point] = sum over input channels of V[point] U[point]:    A^T M A = 576 acc
//
// 16 bits hold V and U. |U| <= 12 * 12 * 128 = 18432. An entry of V adds up bytes with coefficients of both
// signs; the larger of the two sums of coefficients is at most 90 (m = 3 both ways, point 1, 1), so |V| <=
// 22950. What is added up on the way may wrap.
//
// 32 bits need not hold M. All that follows the products -- sums over channels, A^T, A -- are additions and
// multiplications by constants, so 576 acc comes out right modulo 2^32 however often sums have wrapped
// (instructions that saturate must not be used). 576 = 9 * 64, and 9 has an inverse: times 954437177,
// because 9 * 954437177 = 2 * 2^32 + 1, gives 64 acc modulo 2^32. That tells acc if it is known beforehand to
// lie in a range of 2^26 integers: inputs are bytes, so the sum of output channel k's products lies between
// low = -255 * sum of |w < 0| and high = 255 * sum of w > 0. If high - low < 2^26, then with centre = low +
// 2^25
//
//   64 (acc - centre) modulo 2^32, as a signed number, is exact, and shifted right by 6 it is acc - centre.
//
// Point (1, 1) has coefficient 1 in all outputs, so M starts there at -576 centre and at 0 elsewhere; the
// centre comes back with the bias. packing.h checks the condition, which any layer of up to 228 input
// channels fulfils and larger ones do unless their weights are nearly all at the ends of their range; a layer
// that does not is computed directly by the same kernel (winograd.cc).
//
// Larger windows. A window of 5x5 is the sum of four subwindows of 3x3, 3x2, 2x3 and 2x2 that begin 3 rows or
// columns apart. V U of all of them adds up in one M, since A^T M A is linear: to what follows the products
// they are as many input channels more, which read the map from further right or below. A subwindow of 2 taps
// is one of 3 whose last is zero; its U is zero at infinity, so that point is left out, and 36 products of
// each of 4 subwindows become (6 + 5)^2 = 121 for 16 outputs, where the direct way has 400.
//
// U takes eight times the bytes of the weights. What it saves in return grows with a map's pixels; so of
// large layers over small maps only W = G g is kept, half of U. A row of U = W G^T is then made where its
// points are multiplied, for all tiles of a block.
//
// This header is all that an instruction-set file sees, so it holds plain data only. The products are those
// of conv_dot's micro-kernels for s16; an instruction set gives only the transforms. One *point* is a pair of
// the above, the row's first: 36 in all.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/conv_dot/contract.h"

namespace octet::kernels::conv_i8_winograd {

/// A tile's height or width.
enum class Kind { kFour, kThree, kTwo };
inline constexpr int kKinds = 3;
inline constexpr int kSide = 6;  ///< points of one dimension: 0, 1, -1, 2, -2, infinity
inline constexpr int kPoints = kSide * kSide;

constexpr int outputs_of(Kind kind) { return 4 - static_cast<int>(kind); }
constexpr int inputs_of(Kind kind) { return outputs_of(kind) + 2; }
constexpr int points_of(Kind kind) { return outputs_of(kind) + 2; }
constexpr bool has_point(Kind kind, int point) {
  return kind == Kind::kFour || (point != 4 && (kind == Kind::kThree || point != 3));
}

/// A point's first sums: M(1, 1) starts at -kScale times the channel's centre.
inline constexpr int kCentrePoint = kSide + 1;
inline constexpr std::uint32_t kScale = 576, kInverseOf9 = 954437177;
inline constexpr int kShift = 6;

/// The input of one tile and where its V goes: bytes of `lines` times as many channels as one call of the
/// instruction set takes at once.
struct InputTile {
  /// Addresses of the first channel of input pixel (y, x), at [y * kSide + x]; only those that the kinds
  /// read.
  const std::byte* const* pixels;
  std::int64_t lines;
  std::byte* v;             ///< [channel] s16 of point 0
  std::int64_t point_step;  ///< bytes from a point to the next
};

/// 16 output channels of one tile: M, and all that makes outputs of it. Steps count bytes.
struct OutputTile {
  const std::byte* m;  ///< [16] s32 of point 0
  std::int64_t point_step;
  const std::int32_t* bias;  ///< [16] bias + centre, wrapped
  const float* multipliers;  ///< [16]
  const conv_dot::Epilogue* epilogue;
  std::byte* output;  ///< the first pixel
  std::int64_t row_step, pixel_step;
  const std::byte* residual;  ///< or null; may be the output's own memory
  std::int64_t residual_row_step, residual_pixel_step;
};

/// A row of points of W: 3 columns of `bytes` s16, each the next one's neighbour, of which 6 points of as
/// many bytes are made. All 64-byte aligned.
struct WeightRow {
  const std::byte* w;
  std::byte* u;
  std::int64_t bytes;
};

/// What an instruction set provides, transforms by the kinds of a tile's height and width.
struct Transforms {
  int channels;  ///< of a line of InputTile
  void (*weights)(const WeightRow&);
  void (*input[kKinds][kKinds])(const InputTile&);
  void (*output[kKinds][kKinds])(const OutputTile&);
};

extern const Transforms kAvx2Transforms;
extern const Transforms kAvx512Transforms;

}  // namespace octet::kernels::conv_i8_winograd
