#include "kernels/registry.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "kernels/families.h"
#include "octet/error.h"

namespace octet::kernels {
namespace {

// family, algorithm, instruction set, cost, create. The generic line of a family is its reference.
const Entry kEntries[] = {
#include "kernels/kernels.inc"
};

}  // namespace

bool is_allowed(const Entry& entry, const SelectionOptions& options) {
  if (entry.sm > options.sm) return false;
  if (std::find(options.isas.begin(), options.isas.end(), entry.isa) == options.isas.end()) return false;
  return options.winograd || !std::string_view(entry.algorithm).starts_with("winograd");
}

std::string Entry::name() const {
  return fmt::format("{}/{}/{}", family, algorithm, sm > 0 ? fmt::format("sm{}", sm) : to_string(isa));
}

std::span<const Entry> all_kernels() { return kEntries; }

std::vector<const Entry*> candidates(const OpDesc& desc, const SelectionOptions& options) {
  std::vector<std::pair<double, const Entry*>> found;
  for (const Entry& entry : options.entries) {
    if (!is_allowed(entry, options)) continue;
    const double cost = entry.cost(desc, options.images);
    if (cost >= 0) found.emplace_back(cost, &entry);
  }
  std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
    if (a.first != b.first) return a.first < b.first;
    return a.second->isa != b.second->isa ? a.second->isa > b.second->isa : a.second->sm > b.second->sm;
  });
  std::vector<const Entry*> entries;
  for (const auto& [cost, entry] : found) entries.push_back(entry);
  return entries;
}

const Entry& select(const OpDesc& desc, const SelectionOptions& options) {
  const auto entries = candidates(desc, options);
  if (entries.empty()) throw Error(ErrorCode::kUnsupported, "no kernel computes this operation");
  return *entries.front();
}

}  // namespace octet::kernels
