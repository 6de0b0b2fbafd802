// The study's published figures as JSON (results.json: `published`), with their sources; what was derived
// from them is marked. Source: Dell EMC HPC Innovation Lab, "Deep Learning Inference on P40 vs P4 with
// Skylake" (July 2017) and "Deep Learning Inference on P40 GPUs" (March 2017); NVIDIA GTC 2017 S7310.
#pragma once

#include "lab/support/json_fwd.h"

namespace octet::lab {

/// {sources[] {id, title, by, year, holds[]}, method, devices[] {name, label, memory_bytes, memory_gbps,
///  fp32_tflops, int8_tiops, tdp_w, ...}, relative[] {figure, network, device, devices[],
///  images_per_second[], images_per_second_per_watt[]} (to one P40; INT8, batch 128 a GPU),
///  efficiency_by_batch[] {figure, network, device, batches[], relative[], does_not_fit[]} (images/s/W, to
///  P40 at batch 1), throughput[] {network, precision, device, batches[], images_per_second[],
///  does_not_fit[]}, scaling[] {network, precision, device, devices[], images_per_second[]}, latency_fits[]
///  {network, device, precision, fixed_ms, ms_per_image, error_percent}, titan_x[] {network, batches[],
///  int8[], fp32[]}, accuracy[] {network, fp32 {top1, top5}, int8 {top1, top5}}}. Lists of one entry go
///  together by place. What was derived from the sources and does
/// not stand in them has "derived".
const Json& published_study();

}  // namespace octet::lab
