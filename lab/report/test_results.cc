#include "lab/report/test_results.h"

#include <cmath>
#include <string>
#include <vector>

#include "lab/support/json.h"

namespace octet::lab {
namespace {

const std::vector<int> kBatches = {1, 32, 64, 128, 256, 512, 1024, 2048, 4096};

/// Images per second as a fixed time and a time per image give it.
double rate(double fixed_ms, double ms_per_image, int batch) {
  return 1000 * batch / (fixed_ms + ms_per_image * batch);
}

Json summary(double median) {
  return {{"median", median},       {"min", 0.93 * median}, {"max", 1.04 * median},
          {"mean", 0.995 * median}, {"cv", 0.021},          {"ci95", {0.985 * median, 1.012 * median}}};
}

Json ratio(double median) { return {{"median", median}, {"ci95", {0.95 * median, 1.06 * median}}}; }

Json reason(const std::string& code, const std::string& text) {
  return {{"code", code}, {"severity", "SUSPECT"}, {"text", text}, {"value", 4.1}, {"bound", 1}};
}

Json energy(double images_per_second) {
  return {{"meters", {"rapl:package-0"}},
          {"kind", "rapl"},
          {"modelled", false},
          {"watts", 61.0},
          {"watts_uncertainty", 1.2},
          {"idle_watts", 22.0},
          {"images_per_joule", images_per_second / 61},
          {"images_per_joule_uncertainty", images_per_second / 3000},
          {"images_per_joule_above_idle", images_per_second / 39},
          {"above_idle_uncertainty", images_per_second / 1200},
          {"coverage", 99.8},
          {"sampling_hz", 9.97}};
}

struct Network {
  std::string name;
  double fp32_ms;  ///< per image
  double int8_gain;
};
const std::vector<Network> kNetworks = {
    {"alexnet", 9.1, 3.1}, {"googlenet", 17.0, 2.4}, {"resnet-50", 45.0, 2.9}, {"squeezenet-1.0", 8.0, 2.1}};

Json throughput_row(const Network& network, const std::string& precision, int batch) {
  const double gain = precision == "int8" ? network.int8_gain : precision == "bf16" ? 1.6 : 1;
  Json row = {{"record", "throughput/" + network.name + "/" + precision + "/b" + std::to_string(batch)},
              {"network", network.name},
              {"precision", precision},
              {"batch", batch},
              {"engine", "octet"},
              {"version", "0.1.0"},
              {"way", ""},
              {"threads", 2},
              {"isa", "avx512vnni"}};
  if (batch > 1024 && network.name == "resnet-50") {
    row.update({{"outcome", "does_not_fit"}, {"needed_bytes", 9.1e9}, {"limit_bytes", 7.4e9}});
  } else if (batch > 512) {
    row.update({{"outcome", "not_run"}, {"predicted_s", 340.0}});
  } else {
    const double images = rate(0.8 * network.fp32_ms / gain, network.fp32_ms / gain, batch);
    row.update({{"outcome", "measured"},
                {"images_per_second", summary(images)},
                {"total_images_per_second", 0.99 * images},
                {"latency_ms",
                 {{"mean", 1000 * batch / images},
                  {"p50", 990 * batch / images},
                  {"p90", 1050 * batch / images},
                  {"p99", 1200 * batch / images},
                  {"min", 950 * batch / images},
                  {"max", 1300 * batch / images}}},
                {"calls", 120},
                {"memory_bytes", 2.5e8 + 3e6 * batch},
                {"output_hash", "0123456789abcdef"},
                {"verdict", "VALID"},
                {"reasons", Json::array()},
                {"energy", energy(images)}});
    if (batch == 64)
      row.update({{"verdict", "SUSPECT"},
                  {"reasons",
                   {reason("steal", "4.1 % of the CPU time was stolen by the hypervisor, more than 1 %")}}});
    if (batch == 256 && precision == "fp32") row["verdict"] = "INVALID";
  }
  return row;
}

void add_throughput(Json& results) {
  for (const Network& network : kNetworks) {
    for (const char* precision : {"fp32", "bf16", "int8"}) {
      if (std::string(precision) == "bf16" && network.name != "resnet-50") continue;
      for (const int batch : kBatches)
        results["throughput"].push_back(throughput_row(network, precision, batch));
    }
    for (const int batch : {1, 32, 64, 128}) {
      results["speedups"].push_back({{"network", network.name},
                                     {"batch", batch},
                                     {"precision", "int8"},
                                     {"over", "fp32"},
                                     {"ratio", ratio(network.int8_gain * (1 - 0.3 / std::sqrt(batch)))}});
    }
    for (const char* engine : {"onnxruntime", "openvino"}) {
      for (const char* precision : {"fp32", "int8"}) {
        results["comparisons"].push_back(
            {{"network", network.name},
             {"precision", precision},
             {"batch", 32},
             {"engine", engine},
             {"way", std::string(engine) == "openvino" ? "latency" : ""},
             {"version", "1.20.1"},
             {"ratio", ratio(std::string(engine) == "onnxruntime" ? 1.27 : 0.94)},
             {"rounds", 9}});
      }
    }
  }
  Json peer = throughput_row(kNetworks[0], "fp32", 32);
  peer.update({{"engine", "onnxruntime"}, {"version", "1.20.1"}});
  results["throughput"].push_back(peer);
  Json failed = throughput_row(kNetworks[1], "int8", 4096);
  failed.update({{"engine", "openvino"},
                 {"outcome", "failed"},
                 {"error", "openvino: the worker ended with exit code 139"}});
  results["throughput"].push_back(failed);
}

void add_scaling(Json& results) {
  for (const char* network : {"alexnet", "googlenet"}) {
    Json rows = Json::array();
    for (const int ranks : {1, 2, 4}) {
      Json row = {{"record", std::string("scaling/") + network + "/int8/r" + std::to_string(ranks)},
                  {"ranks", ranks}};
      if (ranks == 4)
        row.update({{"outcome", "not_run"}, {"reason", "4 ranks, and this machine has 2 devices"}});
      else
        row.update({{"outcome", "measured"},
                    {"images_per_second", 170.0 * ranks * (ranks == 2 ? 0.96 : 1)},
                    {"sum_of_rates", 171.0 * ranks},
                    {"efficiency", ranks == 2 ? 96.0 : 100.0},
                    {"skew_ms", 3.4},
                    {"verdict", ranks == 2 ? "SUSPECT" : "VALID"},
                    {"reasons", Json::array()}});
      if (ranks == 2)
        row.update(
            {{"serial_fraction", 0.0417}, {"reasons", {reason("steal", "2.2 % stolen, more than 1 %")}}});
      rows.push_back(row);
    }
    results["scaling"].push_back(
        {{"network", network}, {"precision", "int8"}, {"batch", 32}, {"rows", rows}});
  }
}

void add_accuracy(Json& results) {
  const auto entry = [](const std::string& network, int images, double top1, double delta) -> Json {
    return {{"record", "accuracy/" + network},
            {"network", network},
            {"outcome", "measured"},
            {"data", "drawn pictures, seed 1"},
            {"protocol", "caffe-squash"},
            {"images", images},
            {"calibration", "mse over 1,250 pictures"},
            {"results",
             {{{"precision", "fp32"},
               {"top1", top1},
               {"top5", 99.1},
               {"top1_ci95", {top1 - 0.6, top1 + 0.6}},
               {"top5_ci95", {98.9, 99.3}},
               {"agreement", 100.0}},
              {{"precision", "int8"},
               {"top1", top1 + delta},
               {"top5", 99.0},
               {"top1_ci95", {top1 + delta - 0.6, top1 + delta + 0.6}},
               {"top5_ci95", {98.8, 99.2}},
               {"agreement", 99.7}}}},
            {"paired",
             {{{"precision", "int8"},
               {"against", "fp32"},
               {"delta_top1", delta},
               {"ci95", {delta - 0.11, delta + 0.11}},
               {"mcnemar_p", 0.82},
               {"lost", 10},
               {"gained", 8},
               {"changed", 18}}}}};
  };
  results["accuracy"] = {entry("octet-20", 10000, 90.42, -0.02), entry("squeezenet-1.0", 250, 62.8, -0.8)};
}

void add_layers(Json& results) {
  Json layers = Json::array();
  for (int i = 1; i <= 8; ++i) {
    layers.push_back({{"layer", "conv" + std::to_string(i)},
                      {"op", "Convolution"},
                      {"kernel", "conv_i8_avx512vnni"},
                      {"ms", 3.1 / i},
                      {"share", 36.0 / i},
                      {"gops", 310.0 / i},
                      {"peak_share", 61.0 / i},
                      {"gbps", 2.2 * i},
                      {"bound", i < 5 ? "compute" : "memory"},
                      {"parts",
                       {{"arithmetic", 1.6 / i},
                        {"saved", 0.0},
                        {"memory", 0.4 / i},
                        {"kernel", 0.8 / i},
                        {"layout", 0.3 / i},
                        {"other", 0.0}}}});
  }
  results["layers"] = {
      {{"record", "layers/alexnet/int8"},
       {"network", "alexnet"},
       {"precision", "int8"},
       {"outcome", "measured"},
       {"batch", 32},
       {"threads", 2},
       {"isa", "avx512vnni"},
       {"layers", layers},
       {"sum_ms", 93.1},
       {"whole_ms", 94.0},
       {"waterfall",
        {{{"step", "FP32 at its peak"},
          {"ms", 210.0},
          {"text", "all multiplications at the measured peak of FP32"}},
         {{"step", "INT8's instructions"}, {"ms", -157.0}, {"text", "the peak of INT8 is four times higher"}},
         {{"step", "kernels"}, {"ms", 22.0}, {"text", "kernels below the peak"}},
         {{"step", "memory"}, {"ms", 12.5}, {"text", "weights that must be read"}},
         {{"step", "layout"}, {"ms", 6.5}, {"text", "conversions"}},
         {{"step", "INT8 measured"}, {"ms", 94.0}, {"text", "the whole network"}}}}}};
}

void add_rest(Json& results) {
  double relative = 1;
  for (const char* isa : {"generic", "avx2", "avx512", "avx512vnni"}) {
    for (const char* precision : {"fp32", "int8"}) {
      results["ladder"].push_back({{"record", std::string("ladder/alexnet/") + precision + "/" + isa},
                                   {"network", "alexnet"},
                                   {"precision", precision},
                                   {"batch", 32},
                                   {"isa", isa},
                                   {"outcome", "measured"},
                                   {"images_per_second", summary(11 * relative)},
                                   {"relative", relative},
                                   {"verdict", "VALID"}});
    }
    relative *= 3;
  }
  results["ladder"].push_back({{"record", "ladder/alexnet/int8/amx"},
                               {"network", "alexnet"},
                               {"precision", "int8"},
                               {"batch", 32},
                               {"isa", "amx"},
                               {"outcome", "not_run"},
                               {"reason", "this CPU has no AMX"}});
  Json trials = Json::array();
  for (const double qps : {10.0, 20.0, 40.0, 60.0, 80.0, 90.0}) {
    const double wait = 20 / (1 - qps / 95);
    trials.push_back({{"qps", qps},
                      {"p50_ms", 0.4 * wait},
                      {"p99_ms", wait},
                      {"kept", wait <= 100},
                      {"requests", 500},
                      {"verdict", "VALID"}});
  }
  results["server"] = {{{"record", "server/squeezenet-1.0/int8"},
                        {"network", "squeezenet-1.0"},
                        {"precision", "int8"},
                        {"outcome", "measured"},
                        {"max_batch", 8},
                        {"p99_ms", 100.0},
                        {"highest_qps", 72.5},
                        {"trials", trials}}};
  Json tensors = Json::array();
  for (int i = 0; i < 24; ++i) {
    const double largest = 140.0 / (1 + i);
    tensors.push_back({{"name", "tensor" + std::to_string(i)},
                       {"type", "u8"},
                       {"scale", largest * (i % 3 == 0 ? 0.7 : 1) / 255},
                       {"zero_point", 0},
                       {"min", 0.0},
                       {"max", largest},
                       {"clipped_share", 0.012}});
  }
  results["calibration"] = {{{"record", "calibration/octet-20"},
                             {"network", "octet-20"},
                             {"outcome", "measured"},
                             {"method", "mse"},
                             {"weight_rounding", "adaptive"},
                             {"data", "drawn"},
                             {"images", 1250},
                             {"seconds", 12.0},
                             {"tensors", tensors}}};
  for (const char* target : {"tesla-p40", "tesla-p4"}) {
    Json rows = Json::array();
    for (const int batch : kBatches) {
      const bool fits = batch < 2048 || std::string(target) == "tesla-p40";
      Json row = {{"batch", batch}, {"devices", 1}, {"fits", fits}, {"needed_bytes", 5e6 * batch}};
      if (fits)
        row.update({{"images_per_second", rate(1.17, 0.054, batch)}, {"latency_ms", 1.17 + 0.054 * batch}});
      rows.push_back(row);
    }
    results["projected"].push_back({{"record", std::string("projected/alexnet/") + target},
                                    {"network", "alexnet"},
                                    {"precision", "int8"},
                                    {"target", target},
                                    {"outcome", "measured"},
                                    {"rows", rows}});
  }
}

Json published() {
  return {{"sources",
           {{{"by", "Dell EMC HPC Innovation Lab"},
             {"title", "Deep Learning Inference on P40 vs P4 with Skylake"},
             {"year", 2017}}}},
          {"throughput",
           {{{"network", "alexnet"},
             {"precision", "int8"},
             {"device", "tesla-p40"},
             {"batches", kBatches},
             {"images_per_second", {791, 11464, 14438, 16292, 17101, 17502, 17768, 17951, 18011}}}}},
          {"relative",
           {{{"figure", "1"},
             {"network", "alexnet"},
             {"device", "tesla-p40"},
             {"devices", {1, 2, 3}},
             {"images_per_second", {1.00, 2.00, 2.99}},
             {"images_per_second_per_watt", {1.00, 1.02, 1.00}}}}},
          {"efficiency_by_batch",
           {{{"figure", "3"},
             {"network", "alexnet"},
             {"device", "tesla-p4"},
             {"batches", {1, 32, 64}},
             {"relative", {1.2, 13.3, 14.7}}}}},
          {"titan_x",
           {{{"network", "alexnet"},
             {"batches", {1, 2, 8, 32, 128}},
             {"int8", {972, 1913, 6434, 13899, 18714}},
             {"fp32", {823, 1534, 3638, 4758, 5882}}}}},
          {"accuracy",
           {{{"network", "alexnet"},
             {"fp32", {{"top1", 56.82}, {"top5", 79.99}}},
             {"int8", {{"top1", 56.79}, {"top5", 79.94}}}}}}};
}

/// Every string becomes `text`, but for those that say what kind of row it is: the shortest way through the
/// report's code.
void replace_text(Json& json, const std::string& text) {
  for (auto& [key, value] : json.items()) {
    if (key == "outcome" || key == "verdict" || key == "engine" || key == "status") continue;
    if (value.is_string())
      value = text;
    else if (value.is_structured())
      replace_text(value, text);
  }
}

}  // namespace

Json empty_results() {
  Json results = {{"schema", "octet.results/1"}};
  results["octet"] = {{"version", "0.1.0"},
                      {"revision", "0123456789ab"},
                      {"compiler", "GCC 12.2.0"},
                      {"flags", "-O3"},
                      {"build_type", "Release"}};
  results["study"] = {{"name", "Stopped early"},
                      {"mode", "quick"},
                      {"status", "partial"},
                      {"started_unix_s", 1795386000},
                      {"finished_unix_s", 1795386005},
                      {"records", 1},
                      {"planned", 2},
                      {"missing", {"throughput/alexnet/int8/b1"}}};
  results["machine"] = {{"hostname_hash", "ab12"},
                        {"cpu_model", "Example CPU @ 2.00GHz"},
                        {"cpus", 2},
                        {"cores", 1},
                        {"sockets", 1},
                        {"numa_nodes", 1},
                        {"cpu_flags", {"avx2", "avx512f", "avx512_vnni"}},
                        {"isas",
                         {{{"isa", "avx512vnni"}, {"usable", true}},
                          {{"isa", "amx"}, {"usable", false}, {"reason", "this CPU has no AMX"}}}},
                        {"best_isa", "avx512vnni"},
                        {"l1d_bytes", 32768},
                        {"l2_bytes", 1048576},
                        {"l3_bytes", 34603008},
                        {"memory_bytes", 16642998272},
                        {"kernel", "6.1.0"},
                        {"os", "Debian 12"},
                        {"hypervisor", "KVM"}};
  results["meters"] = {{{"kind", "rapl"},
                        {"works", false},
                        {"why_not", "no /sys/class/powercap"},
                        {"remedy", "measure on the host itself"},
                        {"meters", Json::array()}}};
  results["verdict"] = {{"verdict", "VALID"},
                        {"counts", {{"VALID", 0}, {"SUSPECT", 0}, {"INVALID", 0}}},
                        {"reasons", Json::array()}};
  for (const char* section : {"throughput", "comparisons", "speedups", "ladder", "server", "scaling",
                              "accuracy", "layers", "calibration", "projected"})
    results[section] = Json::array();
  return results;
}

Json full_results() {
  Json results = empty_results();
  results["study"].update({{"name", "Example"},
                           {"status", "complete"},
                           {"records", 42},
                           {"planned", 42},
                           {"missing", Json::array()},
                           {"options", {{{"key", "throughput.batches"}, {"value", kBatches}}}}});
  results["peaks"] = {{{"isa", "avx512vnni"},
                       {"threads", 2},
                       {"fp32_gflops", 148.2},
                       {"int8_gops", 593.1},
                       {"memory_read_gbps", 21.4},
                       {"l2_read_gbps", 160.2}}};
  results["meters"].push_back(
      {{"kind", "wall"}, {"works", true}, {"meters", {{{"id", "wall:meter.csv"}, {"scope", "whole node"}}}}});
  results["idle"] = {{"meters", {{{"id", "wall:meter.csv"}, {"watts", 22.0}, {"watts_uncertainty", 0.4}}}},
                     {"seconds", 30.0},
                     {"verdict", "VALID"}};
  results["verdict"] = {{"verdict", "SUSPECT"},
                        {"counts", {{"VALID", 36}, {"SUSPECT", 11}, {"INVALID", 4}}},
                        {"reasons",
                         {{{"code", "steal"},
                           {"count", 11},
                           {"text", "4.1 % of the CPU time was stolen by the hypervisor, more than 1 %"}}}}};
  add_throughput(results);
  add_scaling(results);
  add_accuracy(results);
  add_layers(results);
  add_rest(results);
  results["published"] = published();
  return results;
}

Json hostile_results() {
  Json results = full_results();
  replace_text(results,
               "</script><script>document.documentElement.dataset.hacked=1</script><img src=x "
               "onerror=\"document.documentElement.dataset.hacked=1\">");
  return results;
}

}  // namespace octet::lab
