#include "plan/balance.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <tuple>

#include "plan/walk.h"

namespace octet::plan {
namespace {

/// What a thread does between two meetings, and with whom it meets at the end.
struct Stretch {
  double macs = 0;
  kernels::Share meets{0, 0};  // the threads; none: the end of the run
};

/// What all workers of a call execute together, once for each kind of call.
class CallMacs {
 public:
  double operator()(const Step& step, std::size_t s, int images, int workers) {
    const auto [known, is_new] = sums_.try_emplace({s, images, workers}, 0.0);
    for (int worker = 0; is_new && worker < workers; ++worker)
      known->second += static_cast<double>(step.kernel->worker_macs(images, worker, workers));
    return known->second;
  }

 private:
  std::map<std::tuple<std::size_t, int, int>, double> sums_;
};

struct Counter {
  const Plan& plan;
  const int thread;
  CallMacs& call_macs;
  Balance& balance;
  std::vector<Stretch> stretches = {{}};
  int chunks_taken = 0;

  // Threads of one speed take chunks in turns.
  int take_chunk(std::size_t /*phase*/) { return thread + plan.threads * chunks_taken++; }
  void meet(const Team& team) { end_stretch(team.threads); }
  void meet_all() { end_stretch({0, plan.threads}); }
  void end_stretch(const kernels::Share& meets) {
    stretches.back().meets = meets;
    stretches.emplace_back();
  }

  void run(std::size_t s, const CallPlace& at) {
    const Step& step = plan.steps[s];
    if (at.workers > 1) balance.shared[s] = true;
    if (step.macs == 0) return;
    const double whole = call_macs(step, s, at.images, at.workers);
    if (whole == 0) return;
    const auto own = static_cast<double>(step.kernel->worker_macs(at.images, at.worker, at.workers));
    const double macs = static_cast<double>(step.macs) * at.images * own / whole;
    balance.macs[s][static_cast<std::size_t>(thread)] += macs;
    stretches.back().macs += macs;
  }
};

/// When the last thread ends. All threads of a meeting come to it with the same number of stretches behind
/// them that end in it, so that meetings can be gone through in the order of any thread.
double last_end(const std::vector<Counter>& counters) {
  const std::size_t threads = counters.size();
  std::vector<double> clocks(threads, 0);
  std::vector<std::size_t> next(threads, 0);
  const auto waiting_in = [&](std::size_t thread) -> const Stretch& {
    return counters[thread].stretches[next[thread]];
  };
  for (bool moved = true; moved;) {
    moved = false;
    for (std::size_t t = 0; t < threads; ++t) {
      const kernels::Share meets = waiting_in(t).meets;
      if (meets.begin == meets.end || meets.begin != static_cast<std::int64_t>(t)) continue;
      const auto begin = static_cast<std::size_t>(meets.begin), end = static_cast<std::size_t>(meets.end);
      const auto here = [&](std::size_t other) {
        return waiting_in(other).meets.begin == meets.begin && waiting_in(other).meets.end == meets.end;
      };
      double latest = 0;
      bool all_here = true;
      for (std::size_t other = begin; other < end; ++other) {
        all_here = all_here && here(other);
        latest = std::max(latest, clocks[other] + waiting_in(other).macs);
      }
      if (!all_here) continue;
      for (std::size_t other = begin; other < end; ++other) {
        clocks[other] = latest;
        ++next[other];
      }
      moved = true;
    }
  }
  double last = 0;
  for (std::size_t t = 0; t < threads; ++t) last = std::max(last, clocks[t] + waiting_in(t).macs);
  return last;
}

double busiest_over_mean(const std::vector<double>& macs) {
  const double sum = std::accumulate(macs.begin(), macs.end(), 0.0);
  if (sum == 0) return 1;
  return *std::max_element(macs.begin(), macs.end()) * static_cast<double>(macs.size()) / sum;
}

}  // namespace

double Balance::imbalance(std::size_t step) const { return busiest_over_mean(macs[step]); }

double Balance::thread_imbalance() const {
  std::vector<double> sums(macs.empty() ? 0 : macs.front().size(), 0);
  for (const std::vector<double>& step : macs) {
    for (std::size_t t = 0; t < step.size(); ++t) sums[t] += step[t];
  }
  return busiest_over_mean(sums);
}

double Balance::efficiency() const {
  return span == 0 ? 1 : total / static_cast<double>(macs.front().size()) / span;
}

Balance balance_of(const Plan& plan, int batch) {
  Balance balance;
  const auto threads = static_cast<std::size_t>(plan.threads);
  balance.macs.assign(plan.steps.size(), std::vector<double>(threads, 0));
  balance.shared.assign(plan.steps.size(), false);
  const BatchSplit split = split_batch(batch, plan.threads);
  CallMacs call_macs;
  std::vector<Counter> counters;
  for (int thread = 0; thread < plan.threads; ++thread) {
    Counter& counter = counters.emplace_back(Counter{plan, thread, call_macs, balance});
    Walk(plan, split, batch, thread, counter).run();
  }
  for (const Step& step : plan.steps) balance.total += static_cast<double>(step.macs) * batch;
  balance.span = last_end(counters);
  return balance;
}

}  // namespace octet::plan
