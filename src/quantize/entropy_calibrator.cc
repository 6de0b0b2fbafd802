// Entropy calibration as published ("8-bit Inference with TensorRT", GTC 2017 S7310): of the candidates i,
// keep the one whose clipped distribution P = bins[0..i) loses least information when only `levels` values
// are left,
//
//   P  = bins[0..i), the count of all bins from i on added to P[i - 1]
//   Q  = bins[0..i) without that, merged into `levels` levels and spread again over the bins that are not
//   empty T  = (i + 0.5) * bin width at the smallest KL(P || Q), both normalised
//
// with 2048 bins over [0, largest]. Left open there, and settled here:
// - "Not empty" is said of P, with the outliers: where bins[i - 1] is empty but outliers fall into it, Q has
// a
//   share of its level there. If the whole last level is empty, KL is infinite and i is no candidate.
// - Where i is no multiple of the levels, a bin that lies across two levels belongs to both in proportion;
//   rounding the bounds instead makes some levels a bin wider than others, which moves the minimum about.
// - i = 2048, which clips nothing, is a candidate too, with T = largest.
// - Of equal divergences the larger threshold wins: it clips less.
// - Signed tensors have 128 levels of magnitude as published; tensors with zero point 0 have 256.
// - Exact zeros are not in the histogram; a distribution of fewer than `levels` bins keeps its range.
#include <algorithm>
#include <cmath>
#include <limits>

#include "quantize/calibrator.h"

namespace octet::quantize {
namespace {

constexpr std::size_t kEntropyBins = 2048;

/// `counts` over [0, largest] in kEntropyBins equal bins; a bin across a border is split in proportion.
std::vector<double> rebin(std::span<const std::uint64_t> counts, double width, double largest) {
  std::vector<double> bins(kEntropyBins, 0.0);
  const double per_bin = static_cast<double>(kEntropyBins) / largest;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] == 0) continue;
    const double begin = static_cast<double>(i) * width * per_bin;
    // Nothing lies above `largest`, so the last bin ends there.
    const double end =
        std::min(static_cast<double>(i + 1) * width * per_bin, static_cast<double>(kEntropyBins));
    const double density = static_cast<double>(counts[i]) / (end - begin);
    for (auto bin = static_cast<std::size_t>(std::min(begin, static_cast<double>(kEntropyBins - 1)));
         bin < kEntropyBins && static_cast<double>(bin) < end; ++bin) {
      const double from = std::max(begin, static_cast<double>(bin));
      const double to = std::min(end, static_cast<double>(bin + 1));
      if (to > from) bins[bin] += density * (to - from);
    }
  }
  return bins;
}

/// KL(P || Q) of two distributions that need not be normalised; infinite where Q is 0 and P is not.
double divergence(std::span<const double> p, std::span<const double> q) {
  double sum_p = 0, sum_q = 0, sum = 0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    if (p[i] == 0) continue;
    if (q[i] == 0) return std::numeric_limits<double>::infinity();
    sum_p += p[i];
    sum_q += q[i];
    sum += p[i] * std::log(p[i] / q[i]);
  }
  return sum / sum_p + std::log(sum_q / sum_p);
}

}  // namespace

std::vector<double> merge_and_spread(std::span<const double> bins, std::span<const double> reference,
                                     std::size_t levels) {
  std::vector<double> spread(bins.size(), 0.0);
  const double bins_per_level = static_cast<double>(bins.size()) / static_cast<double>(levels);
  for (std::size_t level = 0; level < levels; ++level) {
    const double begin = static_cast<double>(level) * bins_per_level;
    const double end = level + 1 == levels ? static_cast<double>(bins.size()) : begin + bins_per_level;
    const auto first = static_cast<std::size_t>(begin);
    const auto last = std::min(static_cast<std::size_t>(std::ceil(end)), bins.size());
    const auto part = [&](std::size_t bin) {  // share of the bin that lies in this level
      return std::min(end, static_cast<double>(bin + 1)) - std::max(begin, static_cast<double>(bin));
    };
    double sum = 0, used = 0;
    for (std::size_t bin = first; bin < last; ++bin) {
      if (reference[bin] == 0) continue;
      sum += part(bin) * bins[bin];
      used += part(bin);
    }
    if (used <= 0) continue;
    for (std::size_t bin = first; bin < last; ++bin)
      if (reference[bin] != 0) spread[bin] += sum / used * part(bin);
  }
  return spread;
}

double entropy_threshold(std::span<const std::uint64_t> counts, double width, double largest, int levels) {
  const auto merged = static_cast<std::size_t>(levels) + 1;
  const std::vector<double> bins = rebin(counts, width, largest);
  double outliers = 0, best = std::numeric_limits<double>::infinity();
  std::size_t best_end = kEntropyBins;
  std::vector<double> p = bins;
  for (std::size_t end = kEntropyBins; end >= merged; --end) {
    p.resize(end);
    std::copy_n(bins.begin(), end, p.begin());
    p[end - 1] += outliers;
    const std::vector<double> q = merge_and_spread(std::span(bins).first(end), p, merged);
    const double loss = divergence(p, q);
    if (loss < best) best = loss, best_end = end;
    outliers += bins[end - 1];
  }
  if (best_end == kEntropyBins) return largest;
  return (static_cast<double>(best_end) + 0.5) * largest / static_cast<double>(kEntropyBins);
}

}  // namespace octet::quantize
