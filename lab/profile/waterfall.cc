#include "lab/profile/waterfall.h"

#include <algorithm>

namespace octet::lab {
namespace {

/// "INT8" of "int8".
std::string in_capitals(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  return text;
}

bool has(const LayerSamples& layer, const char* part) { return layer.kernel.find(part) != std::string::npos; }

bool only_moves_data(const LayerSamples& layer) { return layer.kernel.starts_with("reformat_"); }

}  // namespace

double time_ms(double amount, double per_second) { return per_second > 0 ? 1e3 * amount / per_second : 0; }

bool works_on_bytes(const LayerSamples& layer) { return layer.kernel.find("_i8/") != std::string::npos; }

double giga_operations(const LayerSamples& layer, int batch) {
  return 2e-9 * static_cast<double>(layer.macs) * batch;
}

int count_groups(const LayerSamples& layer, int batch) {
  const int group = std::max(1, layer.images_per_group);
  return batch / group + (batch % group != 0 ? 1 : 0);
}

double giga_bytes(const LayerSamples& layer, int batch) {
  return 1e-9 * ((static_cast<double>(layer.input_bytes) + static_cast<double>(layer.output_bytes)) * batch +
                 static_cast<double>(layer.weight_bytes) * count_groups(layer, batch));
}

double peak_of(const LayerSamples& layer, const MachinePeaks& peak) {
  if (works_on_bytes(layer) && peak.int8_gops > 0) return peak.int8_gops;
  if (has(layer, "_bf16/") && peak.bf16_gflops > 0) return peak.bf16_gflops;
  return peak.fp32_gflops;
}

double peak_of_kernel(const LayerSamples& layer, const MachinePeaks& peak) {
  if (has(layer, "_bf16/winograd")) return peak.fp32_gflops;
  const bool by_16_bits = has(layer, "_i8/winograd") || has(layer, "_i16/");
  if (by_16_bits && has(layer, "vnni") && peak.int8_gops > 0) return peak.int8_gops / 2;
  return peak_of(layer, peak);
}

TimeParts time_parts(const LayerSamples& layer, double ms, int batch, const MachinePeaks& peak) {
  TimeParts parts;
  if (layer.macs <= 0) {
    (only_moves_data(layer) ? parts.layout : parts.other) = ms;
    return parts;
  }
  parts.arithmetic = time_ms(giga_operations(layer, batch), peak_of(layer, peak));
  const double above = ms - parts.arithmetic;
  if (above < 0) {
    parts.saved = above;
    return parts;
  }
  const double bytes_ms = time_ms(giga_bytes(layer, batch), peak.memory_read_gbps);
  parts.memory = std::clamp(bytes_ms - parts.arithmetic, 0.0, above);
  parts.kernel = above - parts.memory;
  return parts;
}

std::vector<WaterfallStep> waterfall(const LayerRecord& record, const LayerProfile& profile) {
  if (record.peak.fp32_gflops <= 0) return {};
  double at_fp32_peak = 0;
  for (const LayerSamples& layer : record.layers)
    at_fp32_peak += time_ms(giga_operations(layer, record.batch), record.peak.fp32_gflops);
  TimeParts sum;
  for (const LayerFigures& layer : profile.layers) {
    sum.arithmetic += layer.parts.arithmetic;
    sum.saved += layer.parts.saved;
    sum.memory += layer.parts.memory;
    sum.kernel += layer.parts.kernel;
    sum.layout += layer.parts.layout;
    sum.other += layer.parts.other;
  }
  const std::string precision = in_capitals(record.precision);
  std::vector<WaterfallStep> steps;
  steps.push_back({"FP32 at its peak", at_fp32_peak,
                   "the network's multiplications and additions at the measured peak of FP32"});
  const auto change = [&](const std::string& step, double ms, const std::string& text) {
    if (ms != 0) steps.push_back({step, ms, text});
  };
  if (precision == "BF16") {
    change("BF16's instructions", sum.arithmetic - at_fp32_peak,
           "what the measured peak of BF16 saves in the layers that multiply BF16");
  } else {
    change("INT8's instructions", sum.arithmetic - at_fp32_peak,
           "what the measured peak of INT8 saves in the layers that compute with bytes");
  }
  change("fewer operations", sum.saved,
         "layers faster than their operations at the peak: Winograd needs fewer");
  change("kernels", sum.kernel,
         "convolutions and fully connected layers below the peak: ragged edges, short loops, rounding");
  change("memory", sum.memory,
         "convolutions and fully connected layers whose bytes take longer than their operations");
  change("other layers", sum.other, "pooling, normalisation, softmax, additions");
  change("layout", sum.layout, "copies, concatenations, conversions between types and layouts");
  change("waiting", profile.whole_ms - sum.total(),
         "the rest of the run: threads waiting for each other or for other programs");
  steps.push_back({precision + " measured", profile.whole_ms, "the whole run, median"});
  return steps;
}

}  // namespace octet::lab
