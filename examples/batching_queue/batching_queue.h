// Requests that come one by one, from any threads, run as batches, which are faster by the image. The first
// request of a batch waits for others no longer than a deadline.
#pragma once

#include <octet/octet.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <future>
#include <iterator>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

class BatchingQueue {
 public:
  using Clock = std::chrono::steady_clock;
  using Values = std::vector<float>;

  // The engine outlives the queue; its max_batch is the largest batch.
  BatchingQueue(const octet::Engine& engine, Clock::duration deadline)
      : engine_(engine),
        deadline_(deadline),
        elements_(static_cast<std::size_t>(engine.inputs().at(0).shape.elements())),
        classes_(static_cast<std::size_t>(engine.outputs().at(0).shape.elements())),
        runner_([this, context = engine.create_context()](const std::stop_token& stop) mutable {
          serve(context, stop);
        }) {}

  // One image; the future gets its outputs. All that was submitted is answered before the queue is destroyed.
  std::future<Values> submit(Values input) {
    if (input.size() != elements_)
      throw octet::Error(
          octet::ErrorCode::kInvalidArgument,
          "an image has " + std::to_string(elements_) + " values, " + std::to_string(input.size()) + " came");
    Request request{std::move(input), {}, Clock::now()};
    std::future<Values> answer = request.answer.get_future();
    {
      const std::lock_guard lock(mutex_);
      waiting_.push_back(std::move(request));
    }
    changed_.notify_one();
    return answer;
  }

  int batches() const { return batches_; }

 private:
  struct Request {
    Values input;
    std::promise<Values> answer;
    Clock::time_point arrived;
  };

  // The next batch: full, or as large as it is when its first request has waited long enough. Empty: the
  // queue ends.
  std::vector<Request> take(const std::stop_token& stop) {
    const auto most = static_cast<std::size_t>(engine_.max_batch());
    std::unique_lock lock(mutex_);
    if (!changed_.wait(lock, stop, [&] { return !waiting_.empty(); })) return {};
    changed_.wait_until(lock, stop, waiting_.front().arrived + deadline_,
                        [&] { return waiting_.size() >= most; });
    const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(std::min(most, waiting_.size()));
    std::vector<Request> batch(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(end));
    waiting_.erase(waiting_.begin(), end);
    return batch;
  }

  void serve(octet::Context& context, const std::stop_token& stop) {
    Values inputs, outputs;  // keep their memory from batch to batch
    for (std::vector<Request> batch = take(stop); !batch.empty(); batch = take(stop)) {
      inputs.clear();
      for (const Request& request : batch)
        inputs.insert(inputs.end(), request.input.begin(), request.input.end());
      outputs.resize(batch.size() * classes_);
      context.run(static_cast<int>(batch.size()), inputs, outputs);
      ++batches_;
      for (std::size_t i = 0; i < batch.size(); ++i) {
        const auto begin = outputs.begin() + static_cast<std::ptrdiff_t>(i * classes_);
        batch[i].answer.set_value(Values(begin, begin + static_cast<std::ptrdiff_t>(classes_)));
      }
    }
  }

  const octet::Engine& engine_;
  const Clock::duration deadline_;
  const std::size_t elements_, classes_;
  std::atomic<int> batches_ = 0;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Request> waiting_;
  std::jthread runner_;  // last: it uses all of the above, and is stopped and joined before they go
};
