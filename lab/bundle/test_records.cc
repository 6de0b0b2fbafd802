#include "lab/bundle/test_records.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lab/bench/random.h"
#include "lab/bench/server.h"
#include "lab/mpi/scaling.h"
#include "lab/profile/layer_record.h"

namespace octet::test {

using namespace lab;

double TestNumbers::next() {
  return static_cast<double>(random_at(seed_, index_++) >> 11) / static_cast<double>(1ULL << 53);
}

Measurement test_measurement(double images_per_second, int batch, int rounds, int calls_per_round,
                             Nanoseconds start, TestNumbers& numbers) {
  Measurement measurement;
  measurement.warmup = {6, 0.25, true};
  Nanoseconds now = start;
  for (int round = 0; round < rounds; ++round, now += nanoseconds(0.05)) {
    measurement.rounds.push_back({measurement.calls.size(), static_cast<std::size_t>(calls_per_round)});
    for (int i = 0; i < calls_per_round; ++i) {
      const double duration = batch / images_per_second * (0.995 + 0.01 * numbers.next());
      measurement.calls.push_back({now, now + nanoseconds(duration), batch});
      now += nanoseconds(duration) + 300;
    }
  }
  return measurement;
}

Observation test_observation(double seconds) {
  Observation observation;
  observation.seconds = seconds;
  observation.cpus = {0, 1};
  observation.clock_ghz_before = 3.1;
  observation.clock_ghz_after = 3.08;
  observation.steal_share = 0.001;
  observation.own_share = 0.98;
  observation.other_share = 0.004;
  observation.share_resolution = 0.002;
  observation.load_before = 0.4;
  observation.throttled_periods = 0;
  observation.throttled_s = 0;
  observation.major_faults = 0;
  observation.involuntary_switches = 3;
  observation.worst_gap_s = 0.004;
  observation.cost_s = 0.00005;
  observation.missing = {"/sys/devices/system/cpu/cpu0/cpufreq: no such file"};
  return observation;
}

std::vector<PowerTrace> test_power(double watts, const std::vector<Window>& windows) {
  constexpr Nanoseconds kStep = 20'000'000;
  const auto trace = [&](const char* id, const char* scope, double power) {
    PowerTrace made;
    made.meter = {id, "rapl", scope, Reads::kEnergy, 0.0001, 0.01, 0.02, 0, false};
    for (Nanoseconds time = windows.front().start - kStep; time <= windows.back().stop + kStep; time += kStep)
      made.samples.push_back({time, power * seconds(time - kTestStart)});
    return made;
  };
  return {trace("rapl:package-0", "CPU package 0 with its cores", watts),
          trace("rapl:dram-0", "DRAM of package 0", watts / 10)};
}

SystemInfo test_info(const std::string& engine, const std::string& way, const std::string& network,
                     const std::string& precision, int batch) {
  SystemInfo info;
  info.engine = engine;
  info.version = engine == "octet" ? "0.1.0" : "1.0.0";
  info.way = way;
  info.network = network;
  info.precision = precision;
  info.max_batch = batch;
  info.threads = 2;
  info.isa = engine == "octet" ? "avx512vnni" : "";
  info.memory_bytes = 50'000'000ULL + 2'000'000ULL * static_cast<unsigned>(batch);
  info.hash = engine == "octet" ? "00000000000000a1" : "";
  info.calibration = precision == "int8" ? "made up" : "";
  return info;
}

Json test_record(const std::string& key, const std::string& kind, const std::string& outcome, Json content) {
  Json record = {{"key", key},
                 {"kind", kind},
                 {"outcome", outcome},
                 {"depends", "0123456789abcdef"},
                 {"started_unix_s", 1'700'000'000.5},
                 {"seconds", 3.25}};
  record.update(content);
  record["octet"] = {{"version", "0.1.0"},
                     {"revision", "0123456789ab"},
                     {"compiler", "GNU 12.2.0"},
                     {"flags", "-O3"},
                     {"build_type", "Release"}};
  return record;
}

Json test_machine_record() {
  const std::vector<Window> windows = {{kTestStart, kTestStart + nanoseconds(2)}};
  Json power = Json::array();
  for (const PowerTrace& trace : test_power(18, windows)) power.push_back(to_json(trace));
  Json meters = Json::array();
  meters.push_back({{"kind", "rapl"}, {"works", true}, {"meters", Json::array()}});
  for (const PowerTrace& trace : test_power(18, windows)) meters[0]["meters"].push_back(to_json(trace.meter));
  meters.push_back({{"kind", "nvml"},
                    {"works", false},
                    {"why_not", "libnvidia-ml.so.1: cannot be loaded: this machine has no NVIDIA driver"},
                    {"remedy", "install the driver of the GPU, if there is one"},
                    {"meters", Json::array()}});
  Json isas = Json::array();
  for (const char* isa : {"generic", "avx2", "avx512", "avx512vnni"})
    isas.push_back({{"isa", isa}, {"usable", true}, {"reason", ""}});
  for (const char* isa : {"avx512bf16", "amx"})
    isas.push_back({{"isa", isa}, {"usable", false}, {"reason", fmt::format("the CPU lacks {}", isa)}});
  return test_record("machine", "machine", "measured",
                     {{"machine",
                       {{"hostname_hash", "5a5a5a5a5a5a5a5a"},
                        {"cpu_model", "Made-up CPU @ 3.1 GHz"},
                        {"cpus", 2},
                        {"affinity", {0, 1}},
                        {"cores", 2},
                        {"sockets", 1},
                        {"numa_nodes", 1},
                        {"cpu_flags", {"avx2", "avx512f", "avx512_vnni"}},
                        {"isas", isas},
                        {"best_isa", "avx512vnni"},
                        {"l1d_bytes", 32768},
                        {"l2_bytes", 1048576},
                        {"l3_bytes", 33554432},
                        {"memory_bytes", 8589934592},
                        {"cgroup_cpu_quota", 0},
                        {"kernel", "6.1.0"},
                        {"os", "Made-up Linux 12"},
                        {"hypervisor", "made up"},
                        {"compiler", "GNU 12.2.0"},
                        {"frequency_governor", "performance"},
                        {"gpus", Json::array()}}},
                      {"peaks",
                       {{{"isa", "generic"},
                         {"threads", 2},
                         {"fp32_gflops", 25},
                         {"int8_gops", 20},
                         {"memory_read_gbps", 18},
                         {"l2_read_gbps", 60}},
                        {{"isa", "avx512vnni"},
                         {"threads", 2},
                         {"fp32_gflops", 190},
                         {"int8_gops", 750},
                         {"memory_read_gbps", 20},
                         {"l2_read_gbps", 120}}}},
                      {"meters", meters},
                      {"idle",
                       {{"windows", {{{"start_ns", windows[0].start}, {"stop_ns", windows[0].stop}}}},
                        {"power", power},
                        {"observation", to_json(test_observation(2))}}}});
}

Json test_accuracy_record(const std::string& network, double top1, TestNumbers& numbers) {
  constexpr int kImages = 400, kClasses = 10;
  Json labels = Json::array(), fp32_top = Json::array(), fp32_rank = Json::array();
  Json int8_top = Json::array(), int8_rank = Json::array();
  for (int i = 0; i < kImages; ++i) {
    const int label = static_cast<int>(numbers.next() * kClasses);
    const bool right = numbers.next() < top1, changed = numbers.next() < 0.015;
    const int rank = right ? 0 : 1 + static_cast<int>(numbers.next() * 7);
    labels.push_back(label);
    fp32_top.push_back(right ? label : (label + 1) % kClasses);
    fp32_rank.push_back(rank);
    const bool int8_right = right != changed;
    int8_top.push_back(int8_right ? label : (label + 1) % kClasses);
    int8_rank.push_back(int8_right ? 0 : std::max(rank, 1));
  }
  return test_record("accuracy/" + network, "accuracy", "measured",
                     {{"network", network},
                      {"data", "made up, 400 pictures"},
                      {"data_hash", "00000000000000d1"},
                      {"protocol", "made up"},
                      {"images", kImages},
                      {"labels", labels},
                      {"results",
                       {{{"precision", "fp32"}, {"top1", fp32_top}, {"rank", fp32_rank}},
                        {{"precision", "int8"}, {"top1", int8_top}, {"rank", int8_rank}}}},
                      {"calibration", "made up"}});
}

Json test_layers_record(const std::string& network, const std::string& precision, double speed) {
  const bool int8 = precision == "int8";
  LayerRecord record;
  record.network = network;
  record.precision = precision;
  record.batch = 8;
  record.threads = 2;
  record.isa = "avx512vnni";
  record.peak = {190, 750, 20, 120};
  const auto add = [&](const char* layer, const char* op, const char* kernel, std::int64_t macs,
                       std::int64_t bytes, double ms) {
    LayerSamples samples{layer, op, kernel, "nhwc", macs, bytes, bytes, macs > 0 ? 300'000 : 0, 1, {}};
    for (int i = 0; i < 5; ++i) samples.busy_ms.push_back(2 * ms / speed * (1 + 0.01 * i));
    record.layers.push_back(std::move(samples));
  };
  if (int8) add("input.quantize", "quantize", "quantize_u8", 0, 600'000, 0.4);
  add("conv1", "convolution", int8 ? "int8 direct, avx512vnni" : "fp32 direct, avx512", 105'000'000, 290'000,
      int8 ? 3.4 : 9.8);
  add("norm1", "lrn", "lrn", 0, 290'000, 0.9);
  add("pool1", "max_pool", "max_pool", 0, 70'000, 0.3);
  add("conv2", "convolution", int8 ? "int8 direct, avx512vnni" : "fp32 winograd, avx512", 224'000'000,
      190'000, int8 ? 6.1 : 14.0);
  add("fc6", "fully_connected", int8 ? "int8 gemm, avx512vnni" : "fp32 gemm, avx512", 38'000'000, 40'000,
      int8 ? 2.6 : 8.0);
  add("prob", "softmax", "softmax", 0, 4'000, 0.05);
  double sum = 0;
  for (const LayerSamples& layer : record.layers) sum += layer.busy_ms[2] / record.threads;
  for (int i = 0; i < 5; ++i) {
    record.whole_ms.push_back(sum * 1.05 + 0.02 * i);
    record.untimed_ms.push_back(sum * 1.04 + 0.02 * i);
  }
  return test_record(fmt::format("layers/{}/{}", network, precision), "layers", "measured", to_json(record));
}

Json test_calibration_record(const std::string& network) {
  Json tensors = Json::array();
  for (int i = 0; i < 8; ++i)
    tensors.push_back({{"name", fmt::format("conv{}", i + 1)},
                       {"type", "u8"},
                       {"scale", 0.01 * (i + 1)},
                       {"zero_point", i == 0 ? 128 : 0},
                       {"min", i == 0 ? -1.2 : 0.0},
                       {"max", 0.01 * (i + 1) * 255 * (1 + 0.1 * i)},
                       {"clipped_share", 0.01 * i}});
  return test_record("calibration/" + network, "calibration", "measured",
                     {{"network", network},
                      {"method", "entropy"},
                      {"weight_rounding", "nearest"},
                      {"data", "made up"},
                      {"images", 200},
                      {"seconds", 1.5},
                      {"tensors", tensors}});
}

Json test_projected_record(const std::string& network, const std::string& target,
                           const std::vector<int>& batches) {
  Json rows = Json::array();
  for (const int batch : batches)
    for (const int devices : {1, 2}) {
      const double ms = 1.2 + 0.054 * batch;
      Json row = {{"batch", batch}, {"devices", devices}};
      row["fits"] = batch < 4096;
      row["needed_bytes"] = 60'000'000LL + 4'000'000LL * batch;
      if (batch < 4096) {
        row["images_per_second"] = devices * batch / ms * 1000;
        row["latency_ms"] = ms;
      }
      rows.push_back(std::move(row));
    }
  return test_record(
      fmt::format("projected/{}/{}", network, target), "projected", "measured",
      {{"network", network}, {"precision", "int8"}, {"target", target}, {"projected", true}, {"rows", rows}});
}

Json test_server_record(const std::string& network, double rate, TestNumbers& numbers) {
  Json trials = Json::array();
  for (const double share : {0.5, 1.5, 0.9}) {
    Trial trial;
    trial.qps = rate * share;
    trial.arrival = poisson_arrivals(trial.qps, 600, 7);
    Nanoseconds free = 0;
    for (Nanoseconds& arrival : trial.arrival) {
      arrival += kTestStart;
      trial.start.push_back(std::max(arrival, free));
      free = trial.start.back() + nanoseconds((0.98 + 0.02 * numbers.next()) / rate);
      trial.done.push_back(free);
    }
    Json entry = to_json(trial);
    entry["observation"] = to_json(test_observation(seconds(free - kTestStart)));
    trials.push_back(std::move(entry));
  }
  return test_record(fmt::format("server/{}/int8", network), "server", "measured",
                     {{"network", network},
                      {"precision", "int8"},
                      {"max_batch", 1},
                      {"p99_ms", 12 * 1000 / rate},
                      {"seed", 7},
                      {"info", to_json(test_info("octet", "", network, "int8", 1))},
                      {"warmup", {{"calls", 6}, {"seconds", 0.25}, {"steady", true}}},
                      {"highest_qps", 0},
                      {"converged", false},
                      {"note", "made up"},
                      {"trials", trials}});
}

Json test_scaling_record(const std::string& network, double rate, int ranks, TestNumbers& numbers) {
  ScalingRun run;
  run.network = network;
  run.precision = "int8";
  run.batch = 8;
  run.ranks = ranks;
  for (int rank = 0; rank < ranks; ++rank) {
    RankRun each;
    each.rank = rank;
    each.host = "made-up";
    each.cpus = {rank};
    each.info = test_info("octet", "", network, "int8", 8);
    each.info.threads = 1;
    each.output_hash = "00000000000000b1";
    each.measurement =
        test_measurement(rate * (1 - 0.02 * (ranks - 1)), 8, 1, 60, kTestStart + rank * 20'000, numbers);
    each.observation = test_observation(2);
    if (rank == 0) each.power = test_power(18 + 22.0 * ranks, round_windows(each.measurement));
    run.per_rank.push_back(std::move(each));
  }
  return test_record(fmt::format("scaling/{}/int8/r{}", network, ranks), "scaling", "measured", to_json(run));
}

}  // namespace octet::test
