#include "lab/bundle/test_bundle.h"

#include <fmt/format.h>

#include "lab/bundle/bundle.h"
#include "lab/bundle/record.h"
#include "lab/bundle/test_records.h"
#include "lab/support/files.h"

namespace octet::test {
namespace {

using namespace lab;

constexpr const char* kStudyToml = R"(name = "made up"
seed = 1

[throughput]
networks = ["alexnet", "googlenet", "resnet-50"]
precisions = ["fp32", "int8"]
batches = [1, 8, 32, 2048, 4096]
seconds = 1.5
)";

/// An entry of `systems` whose rounds come `turn` after the first's.
Json system_entry(const SystemInfo& info, double rate, int turn, TestNumbers& numbers) {
  constexpr int kRounds = 8, kCalls = 5;
  const Measurement measurement =
      test_measurement(rate, info.max_batch, kRounds, kCalls, kTestStart + turn * nanoseconds(8), numbers);
  Json entry = {{"info", to_json(info)},
                {"output_hash", info.engine == "octet" ? "00000000000000b1" : "00000000000000b2"}};
  entry.update(to_json(measurement));
  const std::vector<Window> windows = round_windows(measurement);
  entry["observation"] = Json::array();
  for (const Window& window : windows)
    entry["observation"].push_back(to_json(test_observation(seconds(window.stop - window.start))));
  entry["power"] = Json::array();
  for (const PowerTrace& trace : test_power(62, windows)) entry["power"].push_back(to_json(trace));
  return entry;
}

/// Peers of one network only, one of which failed.
void add_peers(Json& systems, const std::string& network, const std::string& precision, int batch,
               double rate, TestNumbers& numbers) {
  systems.push_back(
      system_entry(test_info("onnxruntime", "", network, precision, batch), rate * 0.7, 1, numbers));
  systems.push_back(
      system_entry(test_info("openvino", "latency", network, precision, batch), rate * 0.95, 2, numbers));
  systems.push_back({{"outcome", "failed"},
                     {"error", "openvino: the worker ended with exit code 1: made up"},
                     {"info", to_json(test_info("openvino", "streams", network, precision, batch))}});
}

Json throughput_record(const std::string& network, const std::string& precision, int batch, double rate,
                       TestNumbers& numbers) {
  Json systems = Json::array();
  systems.push_back(system_entry(test_info("octet", "", network, precision, batch), rate, 0, numbers));
  if (network == "resnet-50") add_peers(systems, network, precision, batch, rate, numbers);
  return test_record(
      fmt::format("throughput/{}/{}/b{}", network, precision, batch), "throughput", "measured",
      {{"network", network}, {"precision", precision}, {"batch", batch}, {"systems", systems}});
}

Json unmeasured(const std::string& key, const std::string& kind, const std::string& outcome, Json identity,
                Json why) {
  identity.update(why);
  return test_record(key, kind, outcome, std::move(identity));
}

void add_throughput(std::vector<Json>& records, double speed, TestNumbers& numbers) {
  struct Network {
    const char* name;
    double fp32, int8;
  };
  for (const Network& network : {Network{"alexnet", 80, 230}, {"googlenet", 55, 160}, {"resnet-50", 20, 66}})
    for (const int batch : {1, 8, 32}) {
      const double share = batch == 1 ? 0.6 : batch == 8 ? 0.9 : 1;
      records.push_back(
          throughput_record(network.name, "fp32", batch, speed * share * network.fp32, numbers));
      records.push_back(
          throughput_record(network.name, "int8", batch, speed * share * network.int8, numbers));
    }
  const auto observation_of = [&](const std::string& key) -> Json& {
    for (Json& record : records)
      if (record["key"] == key) return record["systems"][0]["observation"][3];
    throw std::logic_error(key);
  };
  observation_of("throughput/googlenet/int8/b8")["steal_share"] = 0.4;     // SUSPECT
  observation_of("throughput/googlenet/fp32/b32")["clock_jump_s"] = 12.5;  // INVALID
  const auto alexnet = [](int batch) {
    return Json{{"network", "alexnet"}, {"precision", "int8"}, {"batch", batch}};
  };
  records.push_back(unmeasured("throughput/alexnet/int8/b4096", "throughput", "does_not_fit", alexnet(4096),
                               {{"needed_bytes", 12'884'901'888}, {"limit_bytes", 8'589'934'592}}));
  records.push_back(unmeasured("throughput/alexnet/int8/b2048", "throughput", "not_run", alexnet(2048),
                               {{"predicted_s", 61.5}}));
  records.push_back(unmeasured("throughput/alexnet/int8/b1024", "throughput", "failed", alexnet(1024),
                               {{"error", "made up: a fault of the test's"}}));
}

void add_ladder(std::vector<Json>& records, double speed, TestNumbers& numbers) {
  struct Rung {
    const char* isa;
    double rate;
  };
  for (const Rung& rung : {Rung{"generic", 9}, {"avx2", 70}, {"avx512", 110}, {"avx512vnni", 207}}) {
    SystemInfo info = test_info("octet", "", "alexnet", "int8", 8);
    info.isa = rung.isa;
    Json systems = Json::array();
    systems.push_back(system_entry(info, speed * rung.rate, 0, numbers));
    records.push_back(test_record(fmt::format("ladder/alexnet/int8/{}", rung.isa), "ladder", "measured",
                                  {{"network", "alexnet"},
                                   {"precision", "int8"},
                                   {"batch", 8},
                                   {"isa", rung.isa},
                                   {"systems", systems}}));
  }
  records.push_back(unmeasured("ladder/alexnet/int8/amx", "ladder", "not_run",
                               {{"network", "alexnet"}, {"precision", "int8"}, {"batch", 8}, {"isa", "amx"}},
                               {{"reason", "the CPU lacks amx"}}));
}

}  // namespace

std::vector<Json> test_records(const TestStudy& study) {
  TestNumbers numbers(study.seed);
  std::vector<Json> records = {test_machine_record()};
  add_throughput(records, study.speed, numbers);
  add_ladder(records, study.speed, numbers);
  records.push_back(test_server_record("googlenet", study.speed * 96, numbers));
  for (const int ranks : {1, 2})
    records.push_back(test_scaling_record("googlenet", study.speed * 75, ranks, numbers));
  records.push_back(unmeasured("scaling/googlenet/int8/r4", "scaling", "failed",
                               {{"network", "googlenet"}, {"precision", "int8"}, {"batch", 8}, {"ranks", 4}},
                               {{"error", "4 ranks were asked for, this machine has 2 devices"}}));
  records.push_back(test_accuracy_record("octet-20", 0.87, numbers));
  records.push_back(test_accuracy_record("squeezenet-1.0", 0.57, numbers));
  for (const char* precision : {"fp32", "int8"})
    records.push_back(test_layers_record("alexnet", precision, study.speed));
  records.push_back(test_calibration_record("alexnet"));
  records.push_back(test_projected_record("alexnet", "tesla-p40", {1, 32, 128, 4096}));
  records.push_back(test_projected_record("alexnet", "tesla-p4", {1, 32, 128, 4096}));
  return records;
}

StudyHeader test_header() {
  StudyHeader header;
  header.name = "made up";
  header.mode = "custom";
  header.started_unix_s = 1'700'000'000;
  header.finished_unix_s = 1'700'000'350;
  for (const Json& record : test_records()) header.planned.push_back(record["key"].get<std::string>());
  header.planned.push_back("server/alexnet/int8");
  return header;
}

void write_test_bundle(const std::filesystem::path& folder, const TestStudy& study) {
  const RecordStore store(folder);
  for (const Json& record : test_records(study)) store.save(record);
  write_file(folder / "study.toml", kStudyToml);
  write_bundle(folder, test_header());
}

}  // namespace octet::test
