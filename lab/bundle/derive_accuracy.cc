// Accuracy of each precision, and each against the first, picture by picture (lab/accuracy/).
#include <fmt/format.h>

#include "lab/accuracy/paired.h"
#include "lab/bundle/derive.h"
#include "lab/bundle/predictions.h"
#include "lab/support/json.h"

namespace octet::lab {
namespace {

Json to_json(const ConfidenceInterval& interval) { return {interval.low, interval.high}; }

Json paired_row(const PrecisionPredictions& first, const PrecisionPredictions& other) {
  const PairedComparison pair = compare(first.result, other.result, 1);
  return {{"precision", other.precision}, {"against", first.precision},
          {"delta_top1", pair.delta},     {"ci95", to_json(pair.ci95)},
          {"mcnemar_p", pair.mcnemar_p},  {"lost", pair.lost},
          {"gained", pair.gained},        {"changed", changed_pictures(first.result, other.result).size()}};
}

}  // namespace

Json derive_accuracy(const Records& records) {
  Json section = Json::array();
  for (const JsonReader& record : records.of_kind("accuracy")) {
    Json row = row_of(record, {"network", "data", "data_hash", "protocol", "images", "calibration"});
    if (measured(record)) {
      const std::vector<PrecisionPredictions> all = predictions_of(record);
      Json results = Json::array(), paired = Json::array();
      for (const PrecisionPredictions& each : all) {
        results.push_back({{"precision", each.precision},
                           {"top1", each.result.top1},
                           {"top5", each.result.top5},
                           {"top1_ci95", to_json(each.result.top1_ci95)},
                           {"top5_ci95", to_json(each.result.top5_ci95)},
                           {"agreement", agreement(all.front().result, each.result).share}});
        if (&each != &all.front()) paired.push_back(paired_row(all.front(), each));
      }
      row["results"] = std::move(results);
      row["paired"] = std::move(paired);
    }
    section.push_back(std::move(row));
  }
  return section;
}

}  // namespace octet::lab
