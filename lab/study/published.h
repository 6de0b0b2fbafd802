// The study's published figures as JSON (results.json: `published`), with their sources; what was derived
// from them is marked. Source: Dell EMC HPC Innovation Lab, "Deep Learning Inference on P40 vs P4 with
// Skylake" (July 2017) and "Deep Learning Inference on P40 GPUs" (March 2017); NVIDIA GTC 2017 S7310.
#pragma once

#include "lab/support/json_fwd.h"

namespace octet::lab {

/// {sources[], devices[] {name, memory_bytes, memory_gbps, fp32_tflops, int8_tiops, tdp_w, ...},
///  relative[] {figure, network, device, devices, images_per_second, images_per_second_per_watt} (to one P40,
///  batch 128), efficiency_by_batch[] {device, batches[], relative[]} (AlexNet, to P40 at batch 1),
///  throughput[] {network, precision, device, batches[], images_per_second[]},
///  scaling[] {network, device, devices[], images_per_second[]},
///  titan_x[] {network, batches[], int8[], fp32[]},
///  accuracy[] {network, fp32 {top1, top5}, int8 {top1, top5}}}
const Json& published_study();

}  // namespace octet::lab
