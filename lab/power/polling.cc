#include "lab/power/polling.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "octet/error.h"

namespace octet::lab {
namespace {

constexpr std::size_t kMaxFailures = 1000;  // a meter that fails in ever new words must not fill the memory
constexpr Nanoseconds kLongest = std::numeric_limits<Nanoseconds>::max();

}  // namespace

Polling::Polling(const std::vector<Meter*>& meters, Clock& clock) : clock_(clock), start_(clock.now()) {
  for (Meter* meter : meters) {
    channels_.push_back({meter, {meter->info(), {}, {}, {}}, {}, 0, start_});
    try {
      meter->start();
    } catch (const Error& error) {
      note(channels_.back(), start_, error.what());
    }
  }
}

Nanoseconds Polling::poll() {
  const std::lock_guard lock(polling_);
  Nanoseconds next = kLongest;
  for (Channel& channel : channels_) {
    if (const Nanoseconds now = clock_.now(); channel.due <= now) {
      read(channel);
      const Nanoseconds interval = std::max<Nanoseconds>(1, nanoseconds(channel.trace.meter.interval_s));
      channel.due += interval;
      if (channel.due <= now) channel.due = now + interval;  // what was missed is not made up for
    }
    next = std::min(next, channel.due);
  }
  return next;
}

void Polling::poll_all() {
  const std::lock_guard lock(polling_);
  for (Channel& channel : channels_) read(channel);
}

void Polling::read(Channel& channel) {
  const Nanoseconds before = clock_.now();
  try {
    const double value = channel.meter->read();
    // In the middle of a reading that takes long.
    const Nanoseconds time = before + (clock_.now() - before) / 2;
    const std::optional<BoardState> board = channel.meter->board();
    const std::lock_guard lock(data_);
    std::vector<PowerSample>& samples = channel.trace.samples;
    if (!samples.empty() && samples.back().time >= time) return;
    samples.push_back({time, value});
    if (board) channel.trace.board.push_back({time, *board});
  } catch (const Error& error) {
    const std::lock_guard lock(data_);
    note(channel, before, error.what());
  }
}

void Polling::note(Channel& channel, Nanoseconds time, const char* text) {
  PowerTrace& trace = channel.trace;
  // One break between two samples says as much as many.
  const bool counts = trace.meter.reads == Reads::kEnergy && !trace.samples.empty();
  if (counts && (trace.breaks.empty() || trace.breaks.back() <= trace.samples.back().time))
    trace.breaks.push_back(std::max(time, trace.samples.back().time + 1));
  std::vector<Failure>& failures = channel.failures;
  if (!failures.empty() && failures.back().text == text) {
    failures.back().last = time;
    ++failures.back().count;
  } else if (failures.size() < kMaxFailures) {
    failures.push_back({time, time, 1, text});
  } else {
    ++channel.lost_failures;
  }
}

std::vector<std::string> Polling::failure_texts(const Channel& channel, Nanoseconds from,
                                                Nanoseconds to) const {
  std::vector<std::string> texts;
  std::size_t more = to == kLongest ? channel.lost_failures : 0;
  for (const Failure& failure : channel.failures) {
    if (failure.last < from || failure.first > to) continue;
    if (texts.size() == kMaxPowerFailures) {
      more += failure.count;
      continue;
    }
    const double first = seconds(failure.first - start_);
    const double last = seconds(failure.last - start_);
    texts.push_back(failure.count == 1 ? fmt::format("{:.1f} s: {}", first, failure.text)
                                       : fmt::format("{:.1f} to {:.1f} s, {} times: {}", first, last,
                                                     failure.count, failure.text));
  }
  if (more > 0) texts.push_back(fmt::format("and {} more failures", more));
  return texts;
}

std::vector<PowerTrace> Polling::traces() const {
  const std::lock_guard lock(data_);
  std::vector<PowerTrace> traces;
  for (const Channel& channel : channels_) {
    traces.push_back(channel.trace);
    traces.back().failures = failure_texts(channel, start_, kLongest);
  }
  return traces;
}

std::vector<PowerTrace> Polling::traces(std::span<const Window> windows) const {
  const std::lock_guard lock(data_);
  std::vector<PowerTrace> traces;
  for (const Channel& channel : channels_) {
    traces.push_back(cut(channel.trace, windows));
    if (!windows.empty())
      traces.back().failures = failure_texts(channel, windows.front().start, windows.back().stop);
  }
  return traces;
}

}  // namespace octet::lab
