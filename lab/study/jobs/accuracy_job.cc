// Every picture's prediction at every precision of the study, so that differences can be tested pair by pair.
#include <memory>

#include "lab/accuracy/accuracy.h"
#include "lab/accuracy/checkpoint.h"
#include "lab/study/jobs/jobs.h"
#include "lab/support/json.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

Json results_json(const std::vector<std::string>& precisions, const Evaluation& evaluation) {
  Json results = Json::array();
  for (std::size_t r = 0; r < precisions.size(); ++r) {
    Json top1 = Json::array(), rank = Json::array();
    for (const Prediction& prediction : evaluation.results[r].predictions) {
      top1.push_back(prediction.top.front());
      rank.push_back(prediction.rank);
    }
    results.push_back({{"precision", precisions[r]}, {"top1", std::move(top1)}, {"rank", std::move(rank)}});
  }
  return results;
}

}  // namespace

Json accuracy_job(const Unit& unit, Workshop& shop, const JobProgress& progress) {
  const StudyConfig::Accuracy& section = shop.config().accuracy;
  const StudyPictures pictures = shop.pictures(unit.network);
  const Network network = shop.network(unit.network);
  std::vector<Runner> runners;
  std::string calibration;
  for (const std::string& precision : section.precisions) {
    Unit part = unit;
    part.precision = precision;
    const BuildOptions options = shop.build_options(part);
    if (options.calibration != nullptr)
      calibration = options.calibration->hash() + ", " + options.calibration->source.data;
    auto context = std::make_shared<Context>(Engine::build(network, options).create_context());
    runners.push_back([context](int batch, std::span<const float> input, std::span<float> output) {
      context->run(batch, input, output);
    });
  }
  EvaluateOptions options;
  options.classes = static_cast<int>(network.outputs().front().shape.elements_per_image());
  options.pipeline.batch = section.batch;
  options.pipeline.skip_broken = true;
  options.after_batch = [&](const Evaluation& so_far) {
    shop.check_stop();
    progress(static_cast<double>(so_far.done) / static_cast<double>(pictures.measured.size()));
  };
  const Evaluation evaluation = evaluate(runners, pictures.measured, pictures.preprocessing, options);

  Json labels = Json::array(), broken = Json::array();
  for (const Prediction& prediction : evaluation.results.front().predictions)
    labels.push_back(prediction.label);
  for (const BrokenImage& image : evaluation.broken) broken.push_back(image.message);
  Json record = {{"network", unit.network},
                 {"data", pictures.description},
                 {"data_hash", listing_hash(pictures.measured)},
                 {"protocol", description(pictures.preprocessing)},
                 {"images", evaluation.results.front().images},
                 {"labels", std::move(labels)},
                 {"results", results_json(section.precisions, evaluation)},
                 {"calibration", calibration}};
  if (!broken.empty()) record["broken"] = std::move(broken);
  return record;
}

}  // namespace octet::lab
