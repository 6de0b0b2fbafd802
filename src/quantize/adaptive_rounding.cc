#include "quantize/adaptive_rounding.h"

#include <algorithm>
#include <cmath>

#include "quantize/weight_integers.h"

namespace octet::quantize {
namespace {

constexpr int kMostPasses = 30;
/// A turn must gain this share of the tap's own error, so that rounding errors cannot make it go on for ever.
constexpr float kLeastGain = 1e-5f;

void add_scaled(float factor, std::span<const float> from, std::span<float> to) {
  for (std::size_t i = 0; i < to.size(); ++i) to[i] += factor * from[i];
}

/// One output channel on its way: errors so far, and what they do to every tap (A d).
struct Channel {
  std::vector<float> down, up;  // the two errors that a tap can have, equal where it has no choice
  std::vector<float> error;     // d
  std::vector<float> pull;      // A d

  Channel(std::span<const float> weights, float scale) : error(weights.size()), pull(weights.size()) {
    constexpr auto kLargest = static_cast<float>(kLargestWeight);
    for (const float w : weights) {
      const float quotient = w / scale;
      down.push_back(std::clamp(std::floor(quotient), -kLargest, kLargest) - quotient);
      up.push_back(std::clamp(std::ceil(quotient), -kLargest, kLargest) - quotient);
    }
  }

  void move(std::size_t tap, float to, std::span<const float> row) {
    const float change = to - error[tap];
    if (change == 0) return;
    error[tap] = to;
    add_scaled(change, row, pull);
  }

  /// The first decision about a tap, whose error is still 0.
  void decide(std::size_t tap, std::span<const float> row) {
    const auto loss = [&](float d) { return d * (row[tap] * d + 2 * pull[tap]); };
    move(tap, loss(down[tap]) <= loss(up[tap]) ? down[tap] : up[tap], row);
  }

  /// Turns the tap round if that lowers the loss.
  bool reconsider(std::size_t tap, std::span<const float> row) {
    const float other = error[tap] == down[tap] ? up[tap] : down[tap];
    const float change = other - error[tap];
    if (change * (row[tap] * change + 2 * pull[tap]) >= -kLeastGain * row[tap]) return false;
    move(tap, other, row);
    return true;
  }
};

/// The taps in the order of what they do to the output, largest first.
std::vector<std::size_t> order_of(const QuadraticForm& form) {
  std::vector<std::size_t> order(static_cast<std::size_t>(form.taps));
  for (std::size_t t = 0; t < order.size(); ++t) order[t] = t;
  const auto own = [&](std::size_t t) { return form.values[t * order.size() + t]; };
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return own(a) > own(b); });
  return order;
}

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

std::vector<std::int8_t> round_adaptively(const QuadraticForm& form, std::span<const float> weights,
                                          std::span<const float> scales) {
  const auto taps = static_cast<std::size_t>(form.taps);
  std::vector<Channel> channels;
  for (std::size_t k = 0; k < scales.size(); ++k)
    channels.emplace_back(weights.subspan(k * taps, taps), scales[k]);
  const std::vector<std::size_t> order = order_of(form);
  // Channels side by side, so that a row of the form is read once for all of them.
  for (const std::size_t tap : order)
    for (Channel& channel : channels) channel.decide(tap, form.row(static_cast<std::int64_t>(tap)));
  bool turned = true;
  for (int pass = 0; pass < kMostPasses && turned; ++pass) {
    turned = false;
    for (const std::size_t tap : order)
      for (Channel& channel : channels)
        turned |= channel.reconsider(tap, form.row(static_cast<std::int64_t>(tap)));
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
