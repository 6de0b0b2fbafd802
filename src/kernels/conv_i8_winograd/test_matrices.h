// Test helper: the matrices of contract.h, made from the points by the formulas that stand there.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/conv_i8_winograd/contract.h"

namespace octet::kernels::conv_i8_winograd {

using Matrix = std::vector<std::vector<std::int64_t>>;

inline constexpr Kind kAllKinds[] = {Kind::kFour, Kind::kThree, Kind::kTwo};
inline constexpr int kInfinity = kSide - 1;  // the last point; the others are
inline constexpr std::int64_t kPointAt[] = {0, 1, -1, 2, -2};

inline Matrix multiply(const Matrix& a, const Matrix& b) {
  Matrix product(a.size(), std::vector<std::int64_t>(b[0].size()));
  for (std::size_t i = 0; i < a.size(); ++i)
    for (std::size_t j = 0; j < b[0].size(); ++j)
      for (std::size_t k = 0; k < b.size(); ++k) product[i][j] += a[i][k] * b[k][j];
  return product;
}
inline Matrix transposed(const Matrix& a) {
  Matrix t(a[0].size(), std::vector<std::int64_t>(a.size()));
  for (std::size_t i = 0; i < a.size(); ++i)
    for (std::size_t j = 0; j < a[0].size(); ++j) t[j][i] = a[i][j];
  return t;
}

inline std::vector<int> points_with(Kind kind) {
  std::vector<int> points;
  for (int p = 0; p < kSide; ++p)
    if (has_point(kind, p)) points.push_back(p);
  return points;
}

/// {6, 3}, of all kinds.
inline Matrix matrix_g() {
  constexpr std::int64_t factors[] = {6, -4, -4, 1, 1};
  Matrix g;
  for (int p = 0; p < kInfinity; ++p)
    g.push_back({factors[p], factors[p] * kPointAt[p], factors[p] * kPointAt[p] * kPointAt[p]});
  g.push_back({0, 0, 6});
  return g;
}

/// {outputs, 6}, the columns of points that the kind lacks being zeros.
inline Matrix matrix_a_transposed(Kind kind) {
  Matrix a(static_cast<std::size_t>(outputs_of(kind)), std::vector<std::int64_t>(kSide));
  for (int p : points_with(kind)) {
    std::int64_t power = 1;
    for (auto& row : a) {
      row[static_cast<std::size_t>(p)] = p == kInfinity ? 0 : power;
      if (p != kInfinity) power *= kPointAt[p];
    }
  }
  a.back()[kInfinity] = 4;
  return a;
}

/// {6, inputs}, the rows of points that the kind lacks being zeros.
inline Matrix matrix_b_transposed(Kind kind) {
  Matrix b(kSide, std::vector<std::int64_t>(static_cast<std::size_t>(inputs_of(kind))));
  for (int p : points_with(kind)) {
    std::vector<std::int64_t> polynomial = {1};  // by rising powers
    std::int64_t differences = 1;
    for (int q : points_with(kind)) {
      if (q == p || q == kInfinity) continue;
      polynomial.insert(polynomial.begin(), 0);
      for (std::size_t i = 0; i + 1 < polynomial.size(); ++i)
        polynomial[i] -= kPointAt[q] * polynomial[i + 1];
      if (p != kInfinity) differences *= kPointAt[p] - kPointAt[q];
    }
    const std::int64_t scale =
        p == kInfinity ? 1 : 24 / differences / matrix_g()[static_cast<std::size_t>(p)][0];
    for (std::size_t i = 0; i < polynomial.size(); ++i)
      b[static_cast<std::size_t>(p)][i] = scale * polynomial[i];
  }
  return b;
}

}  // namespace octet::kernels::conv_i8_winograd
