#include "lab/tune/tuner.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <map>

#include "lab/tune/divergence.h"
#include "lab/tune/search.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

/// Prepared pictures with labels.
struct Pictures {
  std::size_t count = 0;
  std::size_t elements = 0;  // floats of one
  std::vector<float> values;
  std::vector<int> labels;
  std::vector<BrokenImage> broken;
};

Pictures prepare(const Dataset& dataset, const Preprocessing& preprocessing, const PipelineOptions& options) {
  if (dataset.empty()) throw Error(ErrorCode::kInvalidArgument, "tune: there are no pictures");
  Pictures pictures;
  pictures.elements = static_cast<std::size_t>(preprocessing.elements());
  const std::uint64_t bytes = dataset.size() * pictures.elements * sizeof(float);
  if (bytes > kMaxTuningBytes)
    throw Error(ErrorCode::kMemoryLimit,
                fmt::format("tune: {} pictures take {} prepared, more than {}; take fewer (--limit {})",
                            dataset.size(), format_bytes(bytes), format_bytes(kMaxTuningBytes),
                            kMaxTuningBytes / (pictures.elements * sizeof(float))));
  for (const Sample& sample : dataset)
    if (!sample.label)
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{}: the picture has no label", sample.path.string()));
  pictures.values.reserve(dataset.size() * pictures.elements);
  InputPipeline pipeline(dataset, preprocessing, options);
  for (Batch batch; pipeline.next(batch);) {
    pictures.values.insert(pictures.values.end(), batch.input.begin(), batch.input.end());
    for (std::size_t sample : batch.samples) pictures.labels.push_back(*dataset[sample].label);
  }
  pictures.broken = pipeline.broken();
  pictures.count = pictures.labels.size();
  if (pictures.count == 0)
    throw Error(ErrorCode::kParse,
                fmt::format("tune: none of the {} pictures could be decoded; the first: {}", dataset.size(),
                            pictures.broken.front().message));
  return pictures;
}

class Tuner {
 public:
  Tuner(const Calibration& base, Pictures pictures, const EngineBuilder& build, const TuneOptions& options)
      : base_(base), pictures_(std::move(pictures)), build_(build), options_(options) {
    for (std::size_t l = 0; l < base.layers.size(); ++l)
      if (base.layers[l].precision == Precision::kInt8) tunable_.push_back(l);
    if (tunable_.empty())
      throw Error(ErrorCode::kInvalidArgument, "tune: the calibration has no layer in INT8, so none to tune");
  }

  TuneResult run() {
    measure_fp32();
    time_layers();
    measure_sensitivities();
    const SearchResult found = search();
    return report(found);
  }

 private:
  void progress(const char* stage, double share) const {
    if (options_.progress) options_.progress(stage, share);
  }

  /// All layers at `others`, those of the assignment at their candidate.
  std::shared_ptr<const Calibration> assigned(const Assignment& assignment) const {
    auto calibration = std::make_shared<Calibration>(base_);
    for (std::size_t i = 0; i < tunable_.size(); ++i)
      calibration->layers[tunable_[i]].precision = options_.candidates[assignment[i]];
    return calibration;
  }

  /// One layer at `precision`, all others in FP32.
  std::shared_ptr<const Calibration> alone(std::size_t layer, Precision precision) const {
    auto calibration = std::make_shared<Calibration>(base_);
    for (LayerCalibration& other : calibration->layers) other.precision = Precision::kFloat32;
    calibration->layers[tunable_[layer]].precision = precision;
    return calibration;
  }

  std::vector<float> scores_of(const Engine& engine, std::size_t count) const {
    Context context = engine.create_context();
    const auto classes = static_cast<std::size_t>(engine.outputs().front().shape.elements_per_image());
    std::vector<float> scores(count * classes);
    for (std::size_t done = 0; done < count;) {
      const std::size_t batch = std::min(static_cast<std::size_t>(engine.max_batch()), count - done);
      context.run(static_cast<int>(batch),
                  std::span(pictures_.values).subspan(done * pictures_.elements, batch * pictures_.elements),
                  std::span(scores).subspan(done * classes, batch * classes));
      done += batch;
    }
    return scores;
  }

  std::span<const float> of_picture(const std::vector<float>& scores, std::size_t picture) const {
    return std::span(scores).subspan(picture * classes_, classes_);
  }

  AccuracyResult predictions_of(const std::vector<float>& scores) const {
    AccuracyResult result;
    for (std::size_t i = 0; i < scores.size() / classes_; ++i)
      result.predictions.push_back({i, pictures_.labels[i],
                                    rank_of_label(of_picture(scores, i), pictures_.labels[i]),
                                    top_k(of_picture(scores, i), 1)});
    return result;
  }

  void measure_fp32() {
    progress("FP32", 0);
    const Engine engine = build_(Precision::kFloat32, nullptr);
    classes_ = static_cast<std::size_t>(engine.outputs().front().shape.elements_per_image());
    for (int label : pictures_.labels)
      if (label < 0 || static_cast<std::size_t>(label) >= classes_)
        throw Error(ErrorCode::kMismatch,
                    fmt::format("tune: a label in 0..{} was expected, {} came", classes_ - 1, label));
    fp32_scores_ = scores_of(engine, pictures_.count);
    fp32_ = predictions_of(fp32_scores_);
    fp32_ms_ = time_of(engine);
  }

  double time_of(const Engine& engine) const {
    const std::size_t batch = std::min(static_cast<std::size_t>(engine.max_batch()), pictures_.count);
    Context context = engine.create_context();
    std::vector<float> scores(batch * classes_);
    const auto input = std::span(pictures_.values).first(batch * pictures_.elements);
    std::vector<double> ms;
    for (int run = -1; run < options_.timed_runs; ++run) {  // the first touches the memory
      const auto start = std::chrono::steady_clock::now();
      context.run(static_cast<int>(batch), input, scores);
      if (run >= 0)
        ms.push_back(
            std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
    }
    return *std::min_element(ms.begin(), ms.end());
  }

  /// With all layers at the candidate: what surrounds a layer hardly changes its own time.
  void time_layers() {
    costs_.resize(tunable_.size());
    for (std::size_t i = 0; i < tunable_.size(); ++i) costs_[i].name = base_.layers[tunable_[i]].name;
    for (std::size_t c = 0; c < options_.candidates.size(); ++c) {
      progress("times", static_cast<double>(c) / static_cast<double>(options_.candidates.size()));
      const std::map<std::string, double> ms =
          layer_times(build_(Precision::kMixed, assigned(Assignment(tunable_.size(), c))));
      for (LayerCost& cost : costs_) {
        const auto found = ms.find(cost.name);
        cost.ms.push_back(found == ms.end() ? 0.0 : found->second);
      }
    }
  }

  std::map<std::string, double> layer_times(const Engine& engine) const {
    const std::size_t batch = std::min(static_cast<std::size_t>(engine.max_batch()), pictures_.count);
    Context context = engine.create_context();
    std::vector<float> scores(batch * classes_);
    const std::span<const float> input = std::span(pictures_.values).first(batch * pictures_.elements);
    const std::span<float> output(scores);
    const std::vector<StepInfo> steps = engine.steps();
    std::vector<double> step_ms(steps.size(), std::numeric_limits<double>::infinity());
    std::vector<StepTime> times;
    for (int run = -1; run < options_.timed_runs; ++run) {
      context.run_timed(static_cast<int>(batch), std::span(&input, 1), std::span(&output, 1), times);
      if (run < 0) continue;
      for (std::size_t s = 0; s < steps.size(); ++s)
        step_ms[s] = std::min(step_ms[s], times[s].busy_ms / engine.threads());
    }
    std::map<std::string, double> of_layer;
    for (std::size_t s = 0; s < steps.size(); ++s) of_layer[steps[s].layer] += step_ms[s];
    return of_layer;
  }

  void measure_sensitivities() {
    const std::size_t count =
        std::min(pictures_.count, static_cast<std::size_t>(options_.sensitivity_images));
    sensitivities_.assign(tunable_.size(), 0);
    const std::size_t total = tunable_.size() * options_.candidates.size();
    for (std::size_t i = 0; i < tunable_.size(); ++i) {
      for (std::size_t c = 0; c < options_.candidates.size(); ++c) {
        progress("sensitivities",
                 static_cast<double>(i * options_.candidates.size() + c) / static_cast<double>(total));
        if (options_.candidates[c] == Precision::kFloat32) {
          costs_[i].damage.push_back(0);
          continue;
        }
        const std::vector<float> scores =
            scores_of(build_(Precision::kMixed, alone(i, options_.candidates[c])), count);
        double sum = 0, lost = 0;
        for (std::size_t n = 0; n < count; ++n) {
          sum += divergence(of_picture(fp32_scores_, n), of_picture(scores, n));
          lost += (fp32_.predictions[n].rank < 1) -
                  (rank_of_label(of_picture(scores, n), pictures_.labels[n]) < 1);
        }
        costs_[i].damage.push_back(sum / static_cast<double>(count));
        if (c == 0) sensitivities_[i] = 100 * lost / static_cast<double>(count);
      }
    }
  }

  PairedComparison measure(const Assignment& assignment) const {
    const Engine engine = build_(Precision::kMixed, assigned(assignment));
    return compare(fp32_, predictions_of(scores_of(engine, pictures_.count)), 1);
  }

  SearchResult search() {
    int measured = 0;
    return search_precisions(
        costs_, options_.candidates.size(), {options_.max_drop, options_.max_measurements},
        [&](const Assignment& assignment) {
          progress("search", static_cast<double>(measured++) / options_.max_measurements);
          return -measure(assignment).delta;
        });
  }

  std::string reason(std::size_t layer, std::size_t candidate) const {
    const LayerCost& cost = costs_[layer];
    return fmt::format("tuned: in {} this layer alone moves the output by {:.2g} nats, in {} by {:.2g}",
                       to_string(options_.candidates[0]), cost.damage[0],
                       to_string(options_.candidates[candidate]), cost.damage[candidate]);
  }

  TuneResult report(const SearchResult& found) {
    TuneResult result;
    result.within = found.within;
    result.measurements = found.measurements;
    result.calibration = *assigned(found.assignment);
    const Engine engine = build_(Precision::kMixed, assigned(found.assignment));
    result.top1 = compare(fp32_, predictions_of(scores_of(engine, pictures_.count)), 1);
    result.fp32_ms = fp32_ms_;
    result.tuned_ms = time_of(engine);
    result.images = pictures_.count;
    result.broken = pictures_.broken;
    for (std::size_t i = 0; i < tunable_.size(); ++i) {
      const std::size_t c = found.assignment[i];
      LayerCalibration& layer = result.calibration.layers[tunable_[i]];
      layer.sensitivity = sensitivities_[i];
      layer.reason = layer.precision == Precision::kInt8 ? "" : reason(i, c);
      result.layers.push_back(
          {layer.name, layer.precision, sensitivities_[i], costs_[i].ms, costs_[i].damage});
    }
    return result;
  }

  const Calibration& base_;
  Pictures pictures_;
  const EngineBuilder& build_;
  const TuneOptions& options_;
  std::vector<std::size_t> tunable_;  // indices of the calibration's layers
  std::size_t classes_ = 0;
  std::vector<float> fp32_scores_;
  AccuracyResult fp32_;
  double fp32_ms_ = 0;
  std::vector<LayerCost> costs_;
  std::vector<double> sensitivities_;
};

}  // namespace

TuneResult tune(const Calibration& base, const Dataset& pictures, const Preprocessing& preprocessing,
                const EngineBuilder& build, const TuneOptions& options) {
  const auto require = [](bool good, const std::string& message) {
    if (!good) throw Error(ErrorCode::kInvalidArgument, "tune: " + message);
  };
  require(!options.candidates.empty(), "expected at least one candidate precision");
  for (Precision candidate : options.candidates)
    require(candidate != Precision::kMixed, "a layer cannot be mixed");
  require(options.max_drop >= 0,
          fmt::format("expected a budget of 0 points or more, got {}", options.max_drop));
  require(options.sensitivity_images > 0,
          fmt::format("expected at least one image for sensitivities, got {}", options.sensitivity_images));
  require(options.timed_runs > 0, fmt::format("expected at least one timed run, got {}", options.timed_runs));
  require(options.max_measurements > 0,
          fmt::format("expected at least one measurement, got {}", options.max_measurements));
  return Tuner(base, prepare(pictures, preprocessing, options.pipeline), build, options).run();
}

}  // namespace octet::lab
