// What all rows' verdicts say together.
#include <array>
#include <map>

#include "lab/bundle/derive.h"
#include "lab/evidence/verdict.h"
#include "lab/support/json.h"

namespace octet::lab {
namespace {

struct ReasonCount {
  int count = 0;
  Verdict severity = Verdict::kValid;
  double excess = 0;  ///< of the text's row, value over bound
  std::string text;
};

class Tally {
 public:
  void add(const Json& row) {
    const Judgement judgement = judgement_from(row);
    ++counts_[static_cast<std::size_t>(judgement.verdict)];
    worst_ = worse(worst_, judgement.verdict);
    for (const Reason& reason : judgement.reasons) add(reason);
  }
  /// Rows at any depth: of server, the trials; of scaling, the ranks' series.
  void add_all(const Json& value) {
    if (value.is_object() && value.contains("verdict")) {
      add(value);
      return;
    }
    if (value.is_structured())
      for (const Json& item : value) add_all(item);
  }

  Json summary() const {
    Json counts = Json::object(), reasons = Json::array();
    for (const Verdict verdict : {Verdict::kValid, Verdict::kSuspect, Verdict::kInvalid})
      counts[to_string(verdict)] = counts_[static_cast<std::size_t>(verdict)];
    for (const auto& [code, reason] : reasons_)
      reasons.push_back({{"code", code},
                         {"severity", to_string(reason.severity)},
                         {"count", reason.count},
                         {"text", reason.text}});
    return {{"verdict", to_string(worst_)}, {"counts", std::move(counts)}, {"reasons", std::move(reasons)}};
  }

 private:
  void add(const Reason& reason) {
    ReasonCount& count = reasons_[reason.code];
    const double excess = reason.bound > 0 ? reason.value / reason.bound : reason.value;
    const bool graver = reason.severity > count.severity;
    if (count.count == 0 || graver || (reason.severity == count.severity && excess > count.excess)) {
      count.excess = excess;
      count.text = reason.text;
    }
    ++count.count;
    count.severity = worse(count.severity, reason.severity);
  }

  std::array<int, 3> counts_ = {};
  Verdict worst_ = Verdict::kValid;
  std::map<std::string, ReasonCount> reasons_;
};

}  // namespace

Json derive_verdict(const Json& results) {
  Tally tally;
  for (const char* section : {"throughput", "ladder", "server", "scaling"})
    if (results.contains(section)) tally.add_all(results[section]);
  return tally.summary();
}

}  // namespace octet::lab
