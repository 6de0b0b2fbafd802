#include "lab/bundle/published.h"

#include "lab/support/json.h"

namespace octet::lab {
namespace {

// Read in the sources, except what has "derived". Figures relative to one P40 are as printed, two decimals.
constexpr const char* kPublished = R"json({
"sources": [
  {"id": "2017-07", "title": "Deep Learning Inference on P40 vs P4 with Skylake", "by": "Dell EMC HPC Innovation Lab", "year": 2017,
   "holds": ["relative", "efficiency_by_batch", "accuracy"]},
  {"id": "2017-03", "title": "Deep Learning Inference on P40 GPUs", "by": "Dell EMC HPC Innovation Lab", "year": 2017,
   "holds": ["throughput", "scaling"]},
  {"id": "S7310", "title": "8-bit Inference with TensorRT", "by": "NVIDIA, GTC 2017", "year": 2017, "holds": ["titan_x"]}
],
"method": "giexec of TensorRT 2.0 and 2.1 on a PowerEdge R740 with 2 x Xeon Gold 6150; synthetic images; one MPI rank a GPU; watts are power under load less idle power",
"devices": [
  {"name": "tesla-p40", "label": "Tesla P40", "gpu": "GP102", "sms": 30, "cuda_cores": 3840, "core_clock_mhz": 1531,
   "memory_bytes": 25769803776, "usable_memory_bytes": 24032313344, "memory_gbps": 346, "l2_bytes": 3145728,
   "fp32_tflops": 12.0, "int8_tiops": 47.0, "tdp_w": 250, "idle_p8_w": [9, 10], "idle_p0_w": [47, 52]},
  {"name": "tesla-p4", "label": "Tesla P4", "gpu": "GP104", "sms": 20, "cuda_cores": 2560, "core_clock_mhz": 1063,
   "memory_bytes": 8589934592, "usable_memory_bytes": 7980711936, "memory_gbps": 192, "l2_bytes": 2097152,
   "fp32_tflops": 5.5, "int8_tiops": 21.8, "tdp_w": 75, "idle_p8_w": [7, 7], "idle_p0_w": [22, 24]}
],
"relative": [
  {"figure": "1", "network": "alexnet", "device": "tesla-p40", "devices": [1, 2, 3],
   "images_per_second": [1.00, 2.00, 2.99], "images_per_second_per_watt": [1.00, 1.02, 1.00]},
  {"figure": "1", "network": "alexnet", "device": "tesla-p4", "devices": [1, 2, 3, 4],
   "images_per_second": [0.52, 1.05, 1.56, 2.09], "images_per_second_per_watt": [1.42, 1.59, 1.55, 1.52]},
  {"figure": "2", "network": "googlenet", "device": "tesla-p40", "devices": [1, 2, 3],
   "images_per_second": [1.00, 2.00, 3.00], "images_per_second_per_watt": [1.00, 1.01, 1.00]},
  {"figure": "2", "network": "googlenet", "device": "tesla-p4", "devices": [1, 2, 3, 4],
   "images_per_second": [0.52, 1.06, 1.58, 2.10], "images_per_second_per_watt": [1.44, 1.51, 1.46, 1.41]}
],
"efficiency_by_batch": [
  {"figure": "3", "network": "alexnet", "device": "tesla-p40", "batches": [1, 32, 64, 128, 256, 512, 1024, 2048, 4096],
   "relative": [1.0, 8.1, 9.2, 9.9, 10.0, 9.9, 9.7, 9.6, 9.5], "does_not_fit": []},
  {"figure": "3", "network": "alexnet", "device": "tesla-p4", "batches": [1, 32, 64, 128, 256, 512, 1024],
   "relative": [1.2, 13.3, 14.7, 14.1, 15.3, 14.8, 15.2], "does_not_fit": [2048, 4096]}
],
"throughput": [
  {"network": "alexnet", "precision": "int8", "device": "tesla-p40", "batches": [1, 32, 64, 128, 256, 512, 1024, 2048, 4096],
   "images_per_second": [791, 11464, 14438, 16292, 17101, 17502, 17768, 17951, 18011], "does_not_fit": []},
  {"network": "alexnet", "precision": "fp32", "device": "tesla-p40", "batches": [128], "images_per_second": [5198], "does_not_fit": []},
  {"network": "googlenet", "precision": "int8", "device": "tesla-p40", "batches": [1, 32, 64, 128, 256, 512, 1024, 2048],
   "images_per_second": [594, 5417, 6059, 6410, 6630, 6763, 6822, 6842], "does_not_fit": [4096]},
  {"network": "googlenet", "precision": "fp32", "device": "tesla-p40", "batches": [128], "images_per_second": [2215], "does_not_fit": []}
],
"scaling": [
  {"network": "googlenet", "precision": "int8", "device": "tesla-p40", "devices": [1, 2, 4], "images_per_second": [6406, 12808, 25592]},
  {"network": "alexnet", "precision": "int8", "device": "tesla-p40", "devices": [1, 2, 4], "images_per_second": [16270, 32386, 64691]}
],
"latency_fits": [
  {"derived": true, "network": "alexnet", "device": "tesla-p40", "precision": "int8", "fixed_ms": 1.170, "ms_per_image": 0.05393, "error_percent": 4.3},
  {"derived": true, "network": "googlenet", "device": "tesla-p40", "precision": "int8", "fixed_ms": 1.520, "ms_per_image": 0.14368, "error_percent": 3.6}
],
"titan_x": [
  {"network": "resnet-50", "batches": [1, 2, 8, 32, 128], "int8": [562, 1045, 2572, 3567, 3787], "fp32": [415, 572, 938, 1126, 1156]},
  {"network": "resnet-152", "batches": [1, 2, 8, 32, 128], "int8": [195, 371, 1017, 1335, 1437], "fp32": [157, 205, 357, 415, 436]},
  {"network": "vgg-16", "batches": [1, 2, 8, 32, 128], "int8": [393, 606, 984, 1131, 1178], "fp32": [261, 257, 382, 416, 426]},
  {"network": "vgg-19", "batches": [1, 2, 8, 32, 128], "int8": [345, 523, 812, 916, 946], "fp32": [221, 222, 311, 336, 339]},
  {"network": "googlenet", "batches": [1, 2, 8, 32, 128], "int8": [945, 1756, 4356, 6545, 7282], "fp32": [913, 1163, 1737, 2300, 2499]},
  {"network": "alexnet", "batches": [1, 2, 8, 32, 128], "int8": [972, 1913, 6434, 13899, 18714], "fp32": [823, 1534, 3638, 4758, 5882]}
],
"accuracy": [
  {"network": "resnet-50", "fp32": {"top1": 72.90, "top5": 91.14}, "int8": {"top1": 72.84, "top5": 91.08}},
  {"network": "resnet-101", "fp32": {"top1": 74.33, "top5": 91.95}, "int8": {"top1": 74.31, "top5": 91.88}},
  {"network": "resnet-152", "fp32": {"top1": 74.90, "top5": 92.21}, "int8": {"top1": 74.84, "top5": 92.16}},
  {"network": "vgg-16", "fp32": {"top1": 68.35, "top5": 88.45}, "int8": {"top1": 68.30, "top5": 88.42}},
  {"network": "vgg-19", "fp32": {"top1": 68.47, "top5": 88.46}, "int8": {"top1": 68.38, "top5": 88.42}},
  {"network": "googlenet", "fp32": {"top1": 68.95, "top5": 89.12}, "int8": {"top1": 68.77, "top5": 89.00}},
  {"network": "alexnet", "fp32": {"top1": 56.82, "top5": 79.99}, "int8": {"top1": 56.79, "top5": 79.94}}
]
})json";

}  // namespace

const Json& published_study() {
  static const Json study = Json::parse(kPublished);
  return study;
}

}  // namespace octet::lab
