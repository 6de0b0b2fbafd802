// Names that are given out once: a file may call several layers the same, a graph may not.
#pragma once

#include <fmt/format.h>

#include <string>
#include <unordered_map>
#include <unordered_set>

namespace octet {

class UniqueNames {
 public:
  /// `name`, or "name#2", "name#3", ... if it is taken.
  std::string make(const std::string& name) {
    // Counted on from where it ended, so that thousands of layers of one name cost no more than others.
    for (;;) {
      const int copy = ++copies_[name];
      const std::string candidate = copy == 1 ? name : fmt::format("{}#{}", name, copy);
      if (taken_.insert(candidate).second) return candidate;
    }
  }

 private:
  std::unordered_map<std::string, int> copies_;
  std::unordered_set<std::string> taken_;
};

}  // namespace octet
