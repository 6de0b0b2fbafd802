#include "tools/support/sparkline.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace octet::tools {
namespace {

constexpr const char* kBlocks[] = {" ",      "\u2581", "\u2582", "\u2583", "\u2584",
                                   "\u2585", "\u2586", "\u2587", "\u2588"};
constexpr int kHighest = 8;

}  // namespace

std::string sparkline(std::span<const std::uint64_t> bins, int width) {
  if (bins.empty() || width < 1) return "";
  const std::size_t cells = std::min(bins.size(), static_cast<std::size_t>(width));
  std::vector<double> counts(cells, 0.0);
  for (std::size_t i = 0; i < bins.size(); ++i)
    counts[i * cells / bins.size()] += static_cast<double>(bins[i]);
  const double most = std::log1p(*std::max_element(counts.begin(), counts.end()));
  std::string line;
  for (double count : counts) {
    const int height =
        count > 0 ? std::max(1, static_cast<int>(std::lround(kHighest * std::log1p(count) / most))) : 0;
    line += kBlocks[height];
  }
  return line;
}

}  // namespace octet::tools
