#include "plan/dependencies.h"

#include <algorithm>
#include <iterator>

namespace octet::plan {
namespace {

using Kind = OperandRef::Kind;

/// Channels of a buffer, in whole blocks: a concatenation's parts are written apart, but two kernels may not
/// share a block (one may write the lanes behind its channels as padding).
struct Channels {
  std::int64_t begin, end;
  bool overlap(const Channels& other) const { return begin < other.end && other.begin < end; }
};

Channels written_channels(const Buffer& buffer, const Step& step) {
  const kernels::FeatureMap &whole = buffer.map, &part = step.output_map;
  const Channels all = {0, whole.padded_channels()};
  // A copy says in its description where it writes; and not all layouts and views know channels.
  if (std::holds_alternative<kernels::ReformatDesc>(step.desc) || whole.layout == kernels::Layout::kNchw ||
      part.layout != whole.layout || part.pixels() != whole.pixels())
    return all;
  const std::int64_t step_of_channel = whole.layout == kernels::Layout::kNhwc ? 1 : whole.pixels();
  const std::int64_t begin = step.output.element_offset / step_of_channel;
  return {begin, std::min(begin + part.blocks() * kernels::kChannelBlock, all.end)};
}

bool share_memory(const Buffer& a, const Buffer& b) {
  return a.shared == b.shared && a.offset < b.offset + b.bytes() && b.offset < a.offset + a.bytes();
}

class Conflicts {
 public:
  /// `placed`: buffers have their offsets.
  Conflicts(const Plan& plan, bool placed) : plan_(plan), placed_(placed) {}

  bool between(const Step& a, const Step& b) const {
    if (writes_what_reads(a, b) || writes_what_reads(b, a)) return true;
    if (a.output.kind != b.output.kind) return false;
    if (a.output.kind == Kind::kOutput) return a.output.index == b.output.index;
    if (a.output.index != b.output.index) return same_memory(a.output, b.output);
    const Buffer& buffer = plan_.buffers[static_cast<std::size_t>(a.output.index)];
    return written_channels(buffer, a).overlap(written_channels(buffer, b));
  }

 private:
  bool writes_what_reads(const Step& writer, const Step& reader) const {
    return std::any_of(reader.inputs.begin(), reader.inputs.end(),
                       [&](const OperandRef& input) { return same_memory(writer.output, input); });
  }
  bool same_memory(const OperandRef& a, const OperandRef& b) const {
    if (a.kind != Kind::kBuffer || b.kind != Kind::kBuffer) return false;
    if (a.index == b.index) return true;
    return placed_ && share_memory(plan_.buffers[static_cast<std::size_t>(a.index)],
                                   plan_.buffers[static_cast<std::size_t>(b.index)]);
  }

  const Plan& plan_;
  const bool placed_;
};

}  // namespace

void order_by_level(Plan& plan) {
  const Conflicts conflicts(plan, false);
  std::vector<int> levels(plan.steps.size(), 0);
  int highest = 0;
  for (std::size_t s = 0; s < plan.steps.size(); ++s) {
    for (std::size_t before = 0; before < s; ++before) {
      if (levels[before] >= levels[s] && conflicts.between(plan.steps[before], plan.steps[s]))
        levels[s] = levels[before] + 1;
    }
    highest = std::max(highest, levels[s]);
  }
  std::vector<Step> ordered;
  ordered.reserve(plan.steps.size());
  for (int level = 0; level <= highest; ++level) {
    for (std::size_t s = 0; s < plan.steps.size(); ++s) {
      if (levels[s] == level) ordered.push_back(std::move(plan.steps[s]));
    }
  }
  plan.steps = std::move(ordered);
}

void mark_waits(Plan& plan) {
  const Conflicts conflicts(plan, true);
  for (const Phase& phase : plan.phases) {
    for (const Segment& segment : phase.segments) {
      auto met = plan.steps.begin() + segment.first_step;  // the first step since the threads last met
      for (auto step = met; step != plan.steps.begin() + segment.last_step + 1; ++step) {
        // The first one: the same memory was used for the group before.
        step->waits = step == met || std::any_of(met, step, [&](const Step& before) {
                        return conflicts.between(before, *step);
                      });
        if (step->waits) met = step;
      }
    }
  }
}

}  // namespace octet::plan
