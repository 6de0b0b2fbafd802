// What the machine is, what it could reach at best, which meters work, and what it draws at rest.
#include <algorithm>

#include "lab/evidence/machine.h"
#include "lab/evidence/observation.h"
#include "lab/power/recorder.h"
#include "lab/profile/layer_record.h"
#include "lab/study/jobs/jobs.h"
#include "lab/support/json.h"

namespace octet::lab {
namespace {

/// A wait that ends early when the study is to stop.
class StoppableClock final : public Clock {
 public:
  explicit StoppableClock(const Workshop& shop) : shop_(shop) {}
  Nanoseconds now() override { return system_clock().now(); }
  void wait_until(Nanoseconds time) override {
    constexpr Nanoseconds kStep = 100'000'000;
    while (now() < time) {
      shop_.check_stop();
      system_clock().wait_until(std::min(time, now() + kStep));
    }
  }

 private:
  const Workshop& shop_;
};

Json measure_all_peaks(const Workshop& shop) {
  Json peaks = Json::array();
  for (const IsaStatus& status : shop.machine().isas) {
    if (!status.usable) continue;
    shop.check_stop();
    Json entry = {{"isa", to_string(status.isa)}, {"threads", shop.threads()}};
    entry.update(to_json(measure_peaks(shop.threads(), status.isa, kPeakSeconds)));
    peaks.push_back(std::move(entry));
  }
  return peaks;
}

Json idle_baseline(const Workshop& shop) {
  StoppableClock clock(shop);
  const Recorder recorder(shop.meters().meters);
  Observer observer;
  const IdleBaseline idle = measure_idle(recorder, shop.config().power.idle_s, clock);
  Json json = {{"state", idle.state}, {"windows", Json::array()}, {"power", Json::array()}};
  for (const Window& window : idle.windows)
    json["windows"].push_back({{"start_ns", window.start}, {"stop_ns", window.stop}});
  for (const PowerTrace& trace : idle.power) json["power"].push_back(to_json(trace));
  json["observation"] = to_json(observer.finish());
  return json;
}

}  // namespace

Json machine_job(const Unit&, Workshop& shop, const JobProgress& progress) {
  Json record = {{"machine", machine_description(shop.machine())},
                 {"peaks", measure_all_peaks(shop)},
                 {"meters", Json::array()}};
  progress(0.3);
  for (const MeterStatus& status : shop.meters().kinds) record["meters"].push_back(to_json(status));
  if (shop.config().power.idle_s > 0) record["idle"] = idle_baseline(shop);
  return record;
}

}  // namespace octet::lab
