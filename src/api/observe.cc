#include "api/observe.h"

#include <fmt/format.h>

#include <exception>
#include <memory>
#include <mutex>
#include <optional>

#include "base/thread_pool.h"
#include "octet/engine.h"
#include "octet/error.h"

namespace octet {
namespace {

using graph::TensorId;

std::size_t elements(const graph::Graph& graph, TensorId t) {
  return static_cast<std::size_t>(graph.shape(t).elements_per_image());
}

/// The network whose outputs are the tensors that a run can give: all but the input.
Network observed_network(const graph::Graph& graph, std::span<const TensorId> outputs) {
  auto observed = std::make_shared<graph::Graph>(graph);
  observed->outputs.assign(outputs.begin(), outputs.end());
  return Network(std::move(observed));
}
BuildOptions observing_options() {
  BuildOptions options;
  options.threads = 1;
  return options;
}

class Observation {
 public:
  Observation(const graph::Graph& graph, std::span<const TensorId> tensors, CalibrationImages& images,
              const See& see, const Watch& watch)
      : graph_(graph), images_(images), see_(see), watch_(watch) {
    for (const TensorId t : tensors) {
      is_input_.push_back(t == graph.inputs[0]);
      if (!is_input_.back()) outputs_.push_back(t);
    }
    build_engine();
  }

  std::int64_t run(int threads) {
    images_.rewind();
    base::ThreadPool pool(threads);
    pool.run([this](int) {
      try {
        work();
      } catch (...) {
        const std::lock_guard lock(mutex_);
        if (!failure_) failure_ = std::current_exception();
      }
    });
    if (failure_) std::rethrow_exception(failure_);
    if (taken_ == 0) throw Error(ErrorCode::kInvalidArgument, "calibration: there are no images");
    return taken_;
  }

 private:
  void build_engine() {
    if (outputs_.empty()) return;
    engine_.emplace(Engine::build(observed_network(graph_, outputs_), observing_options()));
  }

  /// The next picture and its number; -1 at the end or when another thread has failed.
  std::int64_t take(std::span<float> image) {
    const std::lock_guard lock(mutex_);
    if (failure_ || ended_) return -1;
    const int got = images_.next(1, image);
    if (got < 0 || got > 1)
      throw Error(ErrorCode::kInvalidArgument, fmt::format("calibration: asked for 1 image, got {}", got));
    ended_ = got == 0;
    return ended_ ? -1 : taken_++;
  }

  void work() {
    std::vector<float> image(elements(graph_, graph_.inputs[0]));
    std::vector<std::vector<float>> made;
    std::vector<std::span<float>> outputs;
    for (const TensorId t : outputs_) made.emplace_back(elements(graph_, t));
    outputs.assign(made.begin(), made.end());
    std::vector<std::span<const float>> values;
    std::size_t next_output = 0;
    for (const bool is_input : is_input_)
      values.push_back(is_input ? std::span<const float>(image)
                                : std::span<const float>(made[next_output++]));
    std::optional<Context> context;
    if (engine_) context.emplace(engine_->create_context());

    const std::span<const float> input(image);
    for (std::int64_t picture = take(image); picture >= 0; picture = take(image)) {
      if (context) context->run(1, std::span(&input, 1), outputs);
      see_(picture, values);
      const std::lock_guard lock(mutex_);
      watch_(++done_);
    }
  }

  const graph::Graph& graph_;
  CalibrationImages& images_;
  const See& see_;
  const Watch& watch_;
  std::vector<char> is_input_;
  std::vector<TensorId> outputs_;
  std::optional<Engine> engine_;

  std::mutex mutex_;
  std::exception_ptr failure_;
  bool ended_ = false;
  std::int64_t taken_ = 0, done_ = 0;
};

}  // namespace

std::uint64_t observing_bytes(const graph::Graph& graph, std::span<const TensorId> tensors, int threads) {
  std::vector<TensorId> outputs;
  std::size_t values = elements(graph, graph.inputs[0]);
  for (const TensorId t : tensors) {
    if (t == graph.inputs[0]) continue;
    outputs.push_back(t);
    values += elements(graph, t);
  }
  MemoryInfo engine;
  if (!outputs.empty())
    engine = Engine::estimate_memory(observed_network(graph, outputs), observing_options());
  engine.arena_bytes += values * sizeof(float);
  engine.arena_bytes *= static_cast<std::uint64_t>(threads);
  return engine.peak();
}

std::int64_t observe(const graph::Graph& graph, std::span<const TensorId> tensors, CalibrationImages& images,
                     int threads, const See& see, const Watch& watch) {
  return Observation(graph, tensors, images, see, watch).run(threads);
}

}  // namespace octet
