#include "lab/support/suggest.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <utility>
#include <vector>

namespace octet::lab {
namespace {

constexpr std::size_t kLongestWord = 100;  // longer ones are not typing errors, and distances cost the square
constexpr std::size_t kShortestBeginning = 4;

char folded(char c) {
  return c == '_' ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
}

std::string folded(std::string_view word) {
  std::string result;
  for (const char c : word) result += folded(c);
  return result;
}

}  // namespace

int edit_distance(std::string_view a, std::string_view b) {
  // Rows of the table of distances between the beginnings of `a` and of `b`: two back, one back, this one.
  std::vector<int> before_last;
  std::vector<int> last(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = static_cast<int>(j);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::vector<int> row(b.size() + 1);
    row[0] = static_cast<int>(i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const int differ = folded(a[i - 1]) == folded(b[j - 1]) ? 0 : 1;
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + differ});
      if (i > 1 && j > 1 && folded(a[i - 1]) == folded(b[j - 2]) && folded(a[i - 2]) == folded(b[j - 1]))
        row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    before_last = std::exchange(last, std::move(row));
  }
  return last.back();
}

std::optional<std::string> nearest(std::string_view word, std::span<const std::string> known) {
  if (word.empty() || word.size() > kLongestWord) return std::nullopt;
  const std::string* best = nullptr;
  int best_distance = std::max(1, static_cast<int>(word.size()) / 3) + 1;
  for (const std::string& candidate : known) {
    if (candidate.size() > kLongestWord) continue;
    const int distance = edit_distance(word, candidate);
    if (distance < best_distance) {
      best = &candidate;
      best_distance = distance;
    }
  }
  if (best != nullptr) return *best;
  const auto extends = [](std::string_view shorter, std::string_view longer) {
    return shorter.size() >= kShortestBeginning && folded(longer).starts_with(folded(shorter));
  };
  const auto found = std::find_if(known.begin(), known.end(), [&](const std::string& candidate) {
    return extends(word, candidate) || extends(candidate, word);
  });
  return found != known.end() ? std::optional<std::string>(*found) : std::nullopt;
}

std::string did_you_mean(std::string_view word, std::span<const std::string> known) {
  if (const auto meant = nearest(word, known)) return fmt::format(", did you mean '{}'?", *meant);
  return fmt::format(", expected one of: {}", fmt::join(known, ", "));
}

}  // namespace octet::lab
