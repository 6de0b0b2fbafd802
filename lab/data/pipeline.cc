// A ring of finished pictures. Picture i of the data set goes to slot i % ring size; workers take the next
// index as soon as its slot is free, and `next` empties the slots in order.
#include "lab/data/pipeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <stop_token>
#include <thread>

#include "octet/error.h"

namespace octet::lab {
namespace {

constexpr int kMaxBatch = 1 << 16;
constexpr int kMaxThreads = 1024;

struct Slot {
  bool ready = false;
  std::exception_ptr error;
  std::vector<float> input;
};

void check(int value, int low, int high, const char* what) {
  if (value < low || value > high)
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("input pipeline: {} must be in {}..{}, not {}", what, low, high, value));
}

}  // namespace

struct InputPipeline::Impl {
  Dataset dataset;
  Preprocessing preprocessing;
  PipelineOptions options;

  std::mutex mutex;
  std::condition_variable_any slot_ready;
  std::condition_variable_any slot_free;
  // Under the mutex; a slot's content belongs to the worker that took its index until `ready`, then to
  // `next`.
  std::vector<Slot> ring;
  std::size_t taken = 0;     // indices below are with a worker, or done
  std::size_t consumed = 0;  // indices below have left the ring
  bool cancelled = false;
  bool failed = false;

  std::vector<BrokenImage> broken;  // only `next` touches it
  // Last, so that it goes first: a jthread asks its worker to stop, and joins it, while the rest is still
  // there.
  std::vector<std::jthread> threads;

  Slot& slot(std::size_t index) { return ring[index % ring.size()]; }

  void work(const std::stop_token& stop) {
    std::unique_lock lock(mutex);
    while (slot_free.wait(
        lock, stop, [&] { return cancelled || taken == dataset.size() || taken < consumed + ring.size(); })) {
      if (stop.stop_requested() || cancelled || taken == dataset.size()) return;
      const std::size_t index = taken++;
      lock.unlock();
      fill(slot(index), dataset[index]);
      lock.lock();
      slot(index).ready = true;
      slot_ready.notify_all();
    }
  }

  void fill(Slot& slot, const Sample& sample) const {
    try {
      slot.input.resize(static_cast<std::size_t>(preprocessing.elements()));
      preprocess(load_image(sample, options.max_pixels), preprocessing, slot.input);
    } catch (...) {
      slot.error = std::current_exception();
    }
  }

  // Waits for the next picture in order; nullptr at the end. Its slot is the caller's until `release`.
  Slot* wait_for_next() {
    std::unique_lock lock(mutex);
    if (consumed == dataset.size() || failed) return nullptr;
    slot_ready.wait(lock, [&] { return cancelled || slot(consumed).ready; });
    if (cancelled) {
      failed = true;
      throw Error(ErrorCode::kInterrupted,
                  fmt::format("input pipeline: cancelled after {} of {} pictures", consumed, dataset.size()));
    }
    return &slot(consumed);
  }

  void release(Slot& slot) {
    std::lock_guard lock(mutex);
    slot.ready = false;
    slot.error = nullptr;
    ++consumed;
    slot_free.notify_all();
  }

  void note_broken(const Slot& slot) {
    try {
      std::rethrow_exception(slot.error);
    } catch (const Error& error) {
      if (options.skip_broken) {
        broken.push_back({consumed, error.what()});
        return;
      }
      stop();
      throw;
    } catch (...) {  // out of memory: no fault of the picture's
      stop();
      throw;
    }
  }

  void stop() {
    for (std::jthread& thread : threads) thread.request_stop();
    std::lock_guard lock(mutex);
    failed = true;
  }
};

InputPipeline::InputPipeline(Dataset dataset, const Preprocessing& preprocessing,
                             const PipelineOptions& options)
    : impl_(std::make_unique<Impl>()) {
  validate(preprocessing);
  check(options.batch, 1, kMaxBatch, "the batch");
  check(options.threads, 0, kMaxThreads, "the number of threads");
  check(options.queue_images, 0, 2 * kMaxBatch, "the queue");
  impl_->dataset = std::move(dataset);
  impl_->preprocessing = preprocessing;
  impl_->options = options;
  const std::size_t pictures = impl_->dataset.size();
  const std::size_t queue =
      static_cast<std::size_t>(options.queue_images > 0 ? options.queue_images : 2 * options.batch);
  impl_->ring.resize(std::max<std::size_t>(1, std::min(queue, pictures)));
  const std::size_t wanted = options.threads > 0
                                 ? static_cast<std::size_t>(options.threads)
                                 : std::max<std::size_t>(1, std::thread::hardware_concurrency());
  for (std::size_t i = 0; i < std::min(wanted, pictures); ++i)
    impl_->threads.emplace_back([impl = impl_.get()](const std::stop_token& stop) { impl->work(stop); });
}

InputPipeline::~InputPipeline() {
  if (impl_ != nullptr) impl_->stop();  // all at once, before they are joined one by one
}

bool InputPipeline::next(Batch& batch) {
  const std::size_t elements = static_cast<std::size_t>(impl_->preprocessing.elements());
  const std::size_t wanted = static_cast<std::size_t>(impl_->options.batch);
  batch.samples.clear();
  batch.input.resize(wanted * elements);
  while (batch.samples.size() < wanted) {
    Slot* slot = impl_->wait_for_next();
    if (slot == nullptr) break;
    if (slot->error) {
      impl_->note_broken(*slot);
    } else {
      std::copy(slot->input.begin(), slot->input.end(),
                batch.input.begin() + batch.samples.size() * elements);
      batch.samples.push_back(impl_->consumed);
    }
    impl_->release(*slot);
  }
  batch.input.resize(batch.samples.size() * elements);
  return !batch.samples.empty();
}

void InputPipeline::cancel() {
  std::lock_guard lock(impl_->mutex);
  impl_->cancelled = true;
  impl_->slot_ready.notify_all();
  impl_->slot_free.notify_all();
}

const std::vector<BrokenImage>& InputPipeline::broken() const { return impl_->broken; }

}  // namespace octet::lab
