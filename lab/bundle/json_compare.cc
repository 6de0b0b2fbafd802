#include "lab/bundle/json_compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lab/support/json.h"

namespace octet::lab {
namespace {

std::string shown(const Json& json) {
  if (json.is_structured())
    return fmt::format("a {} of {}", json.is_object() ? "object" : "list", json.size());
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

class Comparison {
 public:
  Comparison(double tolerance, std::size_t most) : tolerance_(tolerance), most_(most) {}

  void compare(const Json& a, const Json& b, const std::string& path) {
    if (found.size() >= most_) return;
    if (a.is_object() && b.is_object())
      compare_objects(a, b, path);
    else if (a.is_array() && b.is_array() && a.size() == b.size())
      for (std::size_t i = 0; i < a.size(); ++i) compare(a[i], b[i], fmt::format("{}[{}]", path, i));
    else if (!same(a, b))
      found.push_back(
          {path, fmt::format("{} against {}", shown(a), shown(b)), a.is_number() && b.is_number()});
  }

  std::vector<JsonDifference> found;

 private:
  void compare_objects(const Json& a, const Json& b, const std::string& path) {
    const auto inside = [&](const std::string& key) { return path.empty() ? key : path + "." + key; };
    for (const auto& [key, value] : a.items()) {
      if (b.contains(key))
        compare(value, b[key], inside(key));
      else if (found.size() < most_)
        found.push_back({inside(key), fmt::format("{} against nothing", shown(value))});
    }
    for (const auto& [key, value] : b.items())
      if (!a.contains(key) && found.size() < most_)
        found.push_back({inside(key), fmt::format("nothing against {}", shown(value))});
  }

  bool same(const Json& a, const Json& b) const {
    if (!a.is_number() || !b.is_number()) return a == b;
    const double x = a.get<double>(), y = b.get<double>();
    return x == y || std::abs(x - y) <= tolerance_ * std::max(std::abs(x), std::abs(y));
  }

  double tolerance_;
  std::size_t most_;
};

}  // namespace

std::vector<JsonDifference> differences(const Json& a, const Json& b, double tolerance, std::size_t most) {
  Comparison comparison(tolerance, most);
  comparison.compare(a, b, "");
  return std::move(comparison.found);
}

std::size_t count_numbers(const Json& json) {
  if (json.is_number()) return 1;
  std::size_t count = 0;
  if (json.is_structured())
    for (const Json& item : json) count += count_numbers(item);
  return count;
}

}  // namespace octet::lab
