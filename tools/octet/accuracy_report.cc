#include "tools/octet/accuracy_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "lab/accuracy/paired.h"
#include "octet/error.h"
#include "tools/support/table.h"

namespace octet::tools {
namespace {

constexpr std::size_t kChangedInText = 10;

Json to_json(const lab::ConfidenceInterval& interval) { return {interval.low, interval.high}; }

std::string name_of(const AccuracyReport& report, std::size_t sample) {
  return report.dataset[sample].path.filename().string();
}

Json paired_to_json(const AccuracyReport& report, const lab::AccuracyResult& first,
                    const lab::AccuracyResult& second) {
  const lab::PairedComparison top1 = lab::compare(first, second, 1), top5 = lab::compare(first, second, 5);
  Json changed = Json::array();
  for (const lab::ChangedPicture& picture : lab::changed_pictures(first, second))
    changed.push_back({{"file", name_of(report, picture.sample)},
                       {"label", picture.label},
                       {"first", picture.first},
                       {"second", picture.second}});
  return {{"against", report.precisions.front()},
          {"pairs", top1.pairs},
          {"lost", top1.lost},
          {"gained", top1.gained},
          {"delta_top1", top1.delta},
          {"ci95", to_json(top1.ci95)},
          {"mcnemar_p", top1.mcnemar_p},
          {"delta_top5", top5.delta},
          {"top5_ci95", to_json(top5.ci95)},
          {"top5_mcnemar_p", top5.mcnemar_p},
          {"interval", "Tango score"},
          {"test", "McNemar exact, two-sided"},
          {"changed", std::move(changed)}};
}

void print_paired(const AccuracyReport& report, std::size_t index) {
  const lab::AccuracyResult& first = report.evaluation.results.front();
  const lab::AccuracyResult& second = report.evaluation.results[index];
  fmt::print("\n{} against {}, picture by picture\n", report.precisions[index], report.precisions.front());
  for (const int top : {1, 5}) {
    const lab::PairedComparison pair = lab::compare(first, second, top);
    fmt::print(
        "top-{}  {:+.2f} points, 95 % interval {:+.2f} to {:+.2f}; {} lost, {} gained, McNemar p {:.3g}\n",
        top, pair.delta, pair.ci95.low, pair.ci95.high, pair.lost, pair.gained, pair.mcnemar_p);
  }
  const std::vector<lab::ChangedPicture> changed = lab::changed_pictures(first, second);
  if (changed.empty()) return;
  fmt::print("{} {} changed class (label, {}, {})\n", changed.size(),
             changed.size() == 1 ? "picture" : "pictures", report.precisions.front(),
             report.precisions[index]);
  for (std::size_t i = 0; i < std::min(changed.size(), kChangedInText); ++i)
    fmt::print("  {:<28} {:>5} {:>5} {:>5}\n", printable(name_of(report, changed[i].sample)),
               changed[i].label, changed[i].first, changed[i].second);
  if (changed.size() > kChangedInText)
    fmt::print("  and {} more (--format json has all)\n", changed.size() - kChangedInText);
}

}  // namespace

Json to_json(const AccuracyReport& report) {
  const auto& all = report.evaluation.results;
  Json results = Json::array(), paired = nullptr;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const lab::Agreement agreed = lab::agreement(all.front(), all[i]);
    Json result = {{"precision", report.precisions[i]},
                   {"images", all[i].images},
                   {"top1", all[i].top1},
                   {"top5", all[i].top5},
                   {"top1_ci95", to_json(all[i].top1_ci95)},
                   {"top5_ci95", to_json(all[i].top5_ci95)},
                   {"agreement", agreed.share},
                   {"agreement_ci95", to_json(agreed.ci95)}};
    if (i > 0) result["paired"] = paired_to_json(report, all.front(), all[i]);
    if (i == 1) paired = result["paired"];
    results.push_back(std::move(result));
  }
  Json broken = Json::array();
  for (const lab::BrokenImage& image : report.evaluation.broken) broken.push_back(image.message);
  Json document = {{"network", report.network},
                   {"network_hash", report.network_hash},
                   {"protocol", lab::description(report.preprocessing)},
                   {"protocol_hash", lab::hash(report.preprocessing)},
                   {"calibration", octet::tools::to_json(report.calibration)},
                   {"excluded_calibration_images", report.excluded},
                   {"results", std::move(results)}};
  if (all.size() > 1) document["paired"] = std::move(paired);  // the second precision's, for short
  document["skipped"] = std::move(broken);
  document["seconds"] = report.seconds;
  return document;
}

void print_text(const AccuracyReport& report) {
  const auto& all = report.evaluation.results;
  fmt::print("{}, {}\n", report.network, lab::description(report.preprocessing));
  if (report.calibration.calibration != nullptr)
    fmt::print("calibration {} ({})\n", report.calibration.calibration->hash(), report.calibration.origin);
  if (report.excluded > 0) fmt::print("{} pictures calibrated and are not measured\n", report.excluded);
  fmt::print("\n");
  Table table({{"precision"},
               {"pictures", kRight},
               {"top-1 %", kRight},
               {"95 % interval", kRight},
               {"top-5 %", kRight},
               {"agreement %", kRight},
               {"95 % interval", kRight}});
  for (std::size_t i = 0; i < all.size(); ++i) {
    const lab::Agreement agreed = lab::agreement(all.front(), all[i]);
    table.add_row({report.precisions[i], fmt::format("{}", all[i].images), fmt::format("{:.2f}", all[i].top1),
                   fmt::format("{:.2f} to {:.2f}", all[i].top1_ci95.low, all[i].top1_ci95.high),
                   fmt::format("{:.2f}", all[i].top5), fmt::format("{:.2f}", agreed.share),
                   i == 0 ? "" : fmt::format("{:.2f} to {:.2f}", agreed.ci95.low, agreed.ci95.high)});
  }
  table.print();
  for (std::size_t i = 1; i < all.size(); ++i) print_paired(report, i);
  fmt::print("\n{:.1f} s with decoding, {:.1f} pictures/s\n", report.seconds,
             static_cast<double>(all.front().images) / report.seconds);
}

}  // namespace octet::tools
