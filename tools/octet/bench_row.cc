#include "tools/octet/bench_row.h"

#include <fmt/format.h>

#include "octet/types.h"

namespace octet::tools {

BenchRow row_of(const lab::ObservedMeasurement& measured) {
  const lab::Measurement& measurement = measured.measurement;
  BenchRow row;
  row.warmup = measurement.warmup;
  row.calls = measurement.calls.size();
  row.rate = lab::summarize(lab::window_rates(measurement));
  row.total_rate = lab::total_rate(measurement);
  row.latency = lab::latency(measurement);
  row.observation = lab::combine(measured.observations);
  row.judgement = lab::judge(measurement, measured.observations);
  return row;
}

Json to_json(const BenchRow& row) {
  const Json judgement = lab::to_json(row.judgement);
  Json json = {
      {"network", row.info.network},
      {"precision", row.info.precision},
      {"batch", row.batch},
      {"threads", row.info.threads},
      {"isa", row.info.isa},
      {"scenario", row.scenario},
      {"images_per_second", lab::to_json(row.rate)},
      {"total_images_per_second", row.total_rate},
      {"latency_ms", lab::to_json(row.latency)},
      {"calls", row.calls},
      {"warmup",
       {{"calls", row.warmup.calls}, {"seconds", row.warmup.seconds}, {"steady", row.warmup.steady}}},
      {"memory_bytes", row.info.memory_bytes},
      {"build_ms", row.build_ms ? Json(*row.build_ms) : Json()},
      {"load_ms", row.load_ms ? Json(*row.load_ms) : Json()},
      {"engine_hash", row.info.hash},
      {"output_hash", row.output_hash},
      {"validity", judgement["verdict"]},
      {"reasons", judgement["reasons"]},
      {"observation", lab::to_json(row.observation)},
      {"energy", row.energy}};
  if (!row.info.device.empty()) json["device"] = row.info.device;
  return json;
}

namespace {

void print_energy(const Json& energy) {
  if (energy.is_null()) return;
  fmt::print("energy      {:.4g} images/J at {:.1f} W", energy["images_per_joule"].get<double>(),
             energy["watts"].get<double>());
  if (energy.contains("images_per_joule_above_idle"))
    fmt::print("; {:.4g} images/J above idle", energy["images_per_joule_above_idle"].get<double>());
  fmt::print(" ({}{})\n", energy["kind"].get<std::string>(),
             energy["modelled"].get<bool>() ? ", modelled, not measured" : "");
}

}  // namespace

void print_text(const BenchRow& row) {
  const lab::Summary& rate = row.rate;
  const lab::Latency& latency = row.latency;
  fmt::print(
      "throughput  {:.2f} images/s (median; 95 % {:.2f} to {:.2f}; min {:.2f}, max {:.2f}; variation {:.1f} "
      "%)\n",
      rate.median, rate.ci95.low, rate.ci95.high, rate.min, rate.max, 100 * rate.cv);
  fmt::print("            {:.2f} images/s from the first call's start to the last one's stop\n",
             row.total_rate);
  fmt::print("latency     {:.3f} ms a {} (mean; p50 {:.3f}, p90 {:.3f}, p99 {:.3f}; {} calls)\n",
             latency.mean, row.scenario == "server" ? "request" : "batch", latency.p50, latency.p90,
             latency.p99, row.calls);
  fmt::print("warm-up     {} calls, {:.2f} s, {}\n", row.warmup.calls, row.warmup.seconds,
             row.warmup.steady ? "then steady" : "not steady then");
  print_energy(row.energy);
  fmt::print("memory      {} (weights and activations); engine {} in {:.1f} ms\n",
             format_bytes(row.info.memory_bytes), row.load_ms ? "loaded" : "built",
             row.load_ms ? *row.load_ms : row.build_ms.value_or(0));
  if (!row.info.device.empty()) fmt::print("device      {}\n", row.info.device);
  if (!row.info.calibration.empty()) fmt::print("calibration {}\n", row.info.calibration);
  fmt::print("hashes      engine {}, output {}\n", row.info.hash, row.output_hash);
  fmt::print("validity    {}\n", lab::to_string(row.judgement.verdict));
  for (const lab::Reason& reason : row.judgement.reasons) fmt::print("            {}\n", reason.text);
}

}  // namespace octet::tools
