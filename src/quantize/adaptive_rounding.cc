#include "quantize/adaptive_rounding.h"

#include <algorithm>
#include <cmath>

#include "quantize/weight_integers.h"

namespace octet::quantize {
namespace {

constexpr int kMostPasses = 30;
/// A turn must gain this share of the tap's own error, so that rounding errors cannot make it go on for ever.
constexpr float kLeastGain = 1e-5f;
/// Smallest square of a diagonal element of L, as a share of the form's.
constexpr float kLeastPivot = 1e-6f;
constexpr std::size_t kRowsAtATime = 32;

void add_scaled(float factor, std::span<const float> from, std::span<float> to) {
  for (std::size_t i = 0; i < to.size(); ++i) to[i] += factor * from[i];
}

/// Sums in lanes, so that the compiler vectorises without changing the order of additions.
float dot(const float* a, const float* b, std::size_t count) {
  constexpr std::size_t kLanes = 16;
  float lanes[kLanes] = {};
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes)
    for (std::size_t lane = 0; lane < kLanes; ++lane) lanes[lane] += a[i + lane] * b[i + lane];
  float sum = 0;
  for (; i < count; ++i) sum += a[i] * b[i];
  for (const float lane : lanes) sum += lane;
  return sum;
}

/// One output channel on its way. Taps in the form's own order.
struct Channel {
  std::vector<float> down, up;  // the two errors that a tap can have, equal where it has no choice
  std::vector<float> error;     // d
  std::vector<float> pull;      // first what decided taps add to the open taps' squares, then A d

  Channel(std::span<const float> weights, float scale) : error(weights.size()), pull(weights.size()) {
    constexpr auto kLargest = static_cast<float>(kLargestWeight);
    for (const float w : weights) {
      const float quotient = w / scale;
      down.push_back(std::clamp(std::floor(quotient), -kLargest, kLargest) - quotient);
      up.push_back(std::clamp(std::ceil(quotient), -kLargest, kLargest) - quotient);
    }
  }

  /// Turns the tap round if that lowers the loss. `row`: the form's.
  bool reconsider(std::size_t tap, std::span<const float> row) {
    const float other = error[tap] == down[tap] ? up[tap] : down[tap];
    const float change = other - error[tap];
    if (change * (row[tap] * change + 2 * pull[tap]) >= -kLeastGain * row[tap]) return false;
    error[tap] = other;
    add_scaled(change, row, pull);
    return true;
  }
};

}  // namespace

void QuadraticForm::dampen(double share) {
  double sum = 0;
  for (std::int64_t t = 0; t < taps; ++t) sum += static_cast<double>(row(t)[static_cast<std::size_t>(t)]);
  const double mean = taps > 0 ? sum / static_cast<double>(taps) : 0;
  const auto added = static_cast<float>(mean > 0 ? share * mean : 1);
  for (std::int64_t t = 0; t < taps; ++t) values[static_cast<std::size_t>(t * taps + t)] += added;
}

void QuadraticForm::centre(std::span<const double> mean) {
  for (std::int64_t t = 0; t < taps; ++t)
    for (std::int64_t u = 0; u < taps; ++u) {
      float& value = values[static_cast<std::size_t>(t * taps + u)];
      value = static_cast<float>(static_cast<double>(value) -
                                 mean[static_cast<std::size_t>(t)] * mean[static_cast<std::size_t>(u)]);
    }
}

AdaptiveRounding::AdaptiveRounding(const QuadraticForm& form, base::ThreadPool& pool)
    : form_(form), order_(static_cast<std::size_t>(form.taps)), factor_(form.values.size()) {
  for (std::size_t t = 0; t < order_.size(); ++t) order_[t] = t;
  const auto own = [&](std::size_t t) { return form.values[t * order_.size() + t]; };
  std::stable_sort(order_.begin(), order_.end(),
                   [&](std::size_t a, std::size_t b) { return own(a) < own(b); });
  factorise(pool);
}

/// Cholesky, row by row: L[i][j] = (A[i][j] - sum over k < j of L[i][k] L[j][k]) / L[j][j]. A block of rows
/// at a time, so that the rows above are read once for all of it.
void AdaptiveRounding::factorise(base::ThreadPool& pool) {
  const std::size_t taps = order_.size();
  const auto solve = [&](std::size_t i, std::size_t j) {
    const float rest =
        form_.values[order_[i] * taps + order_[j]] - dot(factor_row(i).data(), factor_row(j).data(), j);
    if (j < i) return rest / factor_row(j)[j];
    // A square root of nearly nothing stands for a tap that the others determine: rounding alone decides
    // then.
    return std::sqrt(std::max(rest, kLeastPivot * form_.values[order_[i] * taps + order_[i]]));
  };
  for (std::size_t begin = 0; begin < taps; begin += kRowsAtATime) {
    const std::size_t end = std::min(begin + kRowsAtATime, taps);
    pool.run([&](int worker) {
      const auto mine = static_cast<std::size_t>(worker), all = static_cast<std::size_t>(pool.size());
      for (std::size_t j = 0; j < begin; ++j)
        for (std::size_t i = begin + mine; i < end; i += all) factor_row(i)[j] = solve(i, j);
    });
    for (std::size_t i = begin; i < end; ++i)
      for (std::size_t j = begin; j <= i; ++j) factor_row(i)[j] = solve(i, j);
  }
}

std::vector<std::int8_t> AdaptiveRounding::round(std::span<const float> weights,
                                                 std::span<const float> scales) const {
  const std::size_t taps = order_.size();
  std::vector<Channel> channels;
  for (std::size_t k = 0; k < scales.size(); ++k)
    channels.emplace_back(weights.subspan(k * taps, taps), scales[k]);

  // Channels side by side, so that a row is read once for all of them.
  for (std::size_t i = taps; i-- > 0;) {
    const std::span<const float> row = factor_row(i);
    for (Channel& channel : channels) {
      const std::size_t tap = order_[i];
      const float down = std::fabs(row[i] * channel.down[tap] + channel.pull[i]);
      const float up = std::fabs(row[i] * channel.up[tap] + channel.pull[i]);
      channel.error[tap] = down <= up ? channel.down[tap] : channel.up[tap];
      add_scaled(channel.error[tap], row.first(i), std::span(channel.pull).first(i));
    }
  }
  for (Channel& channel : channels) std::fill(channel.pull.begin(), channel.pull.end(), 0.0f);
  for (std::size_t tap = 0; tap < taps; ++tap)
    for (Channel& channel : channels)
      add_scaled(channel.error[tap], form_.row(static_cast<std::int64_t>(tap)), channel.pull);

  bool turned = true;
  for (int pass = 0; pass < kMostPasses && turned; ++pass) {
    turned = false;
    for (const std::size_t tap : order_)
      for (Channel& channel : channels)
        turned |= channel.reconsider(tap, form_.row(static_cast<std::int64_t>(tap)));
  }

  std::vector<std::int8_t> integers(weights.size());
  for (std::size_t k = 0; k < channels.size(); ++k)
    for (std::size_t t = 0; t < taps; ++t)
      integers[k * taps + t] =
          static_cast<std::int8_t>(std::nearbyintf(weights[k * taps + t] / scales[k] + channels[k].error[t]));
  return integers;
}

double rounding_loss(const QuadraticForm& form, std::span<const float> weights, float scale,
                     std::span<const std::int8_t> integers) {
  double loss = 0;
  for (std::int64_t t = 0; t < form.taps; ++t) {
    const auto at = static_cast<std::size_t>(t);
    double pull = 0;
    for (std::size_t u = 0; u < integers.size(); ++u)
      pull += static_cast<double>(form.row(t)[u]) *
              static_cast<double>(static_cast<float>(integers[u]) - weights[u] / scale);
    loss += pull * static_cast<double>(static_cast<float>(integers[at]) - weights[at] / scale);
  }
  return loss;
}

}  // namespace octet::quantize
