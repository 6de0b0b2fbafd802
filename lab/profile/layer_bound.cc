#include "lab/profile/layer_bound.h"

#include <algorithm>
#include <array>
#include <utility>

#include "lab/profile/waterfall.h"

namespace octet::lab {
namespace {

using Names = std::array<std::pair<double, const char*>, 5>;

Names by_name(const LayerBound& bound) {
  // Of equals the first: without any, as of a layer without bytes, "memory".
  return {{{bound.memory, "memory"},
           {bound.compute, "compute"},
           {bound.l2, "l2"},
           {bound.l3, "l3"},
           {bound.epilogue, "epilogue"}}};
}

std::pair<double, const char*> longest(const LayerBound& bound) {
  const Names names = by_name(bound);
  return *std::max_element(names.begin(), names.end(),
                           [](const auto& a, const auto& b) { return a.first < b.first; });
}

/// Adds `bytes`, of which a thread has `own` between two uses, and all threads `all`, to the level that holds
/// them.
class Levels {
 public:
  Levels(const LayerRecord& record, LayerBound& bound) : record_(record), bound_(bound) {}

  void add(double bytes, double own, double all) {
    const auto fits = [](double set, std::uint64_t cache) {
      return cache > 0 && set <= static_cast<double>(cache);
    };
    const bool in_l2 = record_.peak.l2_read_gbps > 0 && fits(own, record_.l2_bytes);
    const bool in_l3 = record_.peak.l3_read_gbps > 0 && fits(all, record_.l3_bytes);
    if (in_l2)
      bound_.l2 += time_ms(1e-9 * bytes, record_.peak.l2_read_gbps);
    else if (in_l3)
      bound_.l3 += time_ms(1e-9 * bytes, record_.peak.l3_read_gbps);
    else
      bound_.memory += time_ms(1e-9 * bytes, record_.peak.memory_read_gbps);
  }

 private:
  const LayerRecord& record_;
  LayerBound& bound_;
};

/// Bytes of weights that are read from one reading of this layer's to the next: those of its phase if it has
/// several groups of images, else those of the network.
double weights_in_between(const LayerSamples& layer, const LayerRecord& record) {
  double bytes = 0;
  for (const LayerSamples& other : record.layers) {
    const bool between =
        record.batch <= layer.images_per_group || other.shared_by_threads == layer.shared_by_threads;
    if (between) bytes += static_cast<double>(other.weight_bytes);
  }
  return bytes;
}

}  // namespace

double LayerBound::ms() const { return longest(*this).first; }
const char* LayerBound::by() const { return longest(*this).second; }

LayerBound bound_of(const LayerSamples& layer, const LayerRecord& record) {
  LayerBound bound;
  const double batch = record.batch, threads = record.threads;
  const auto macs = static_cast<double>(layer.kernel_macs > 0 ? layer.kernel_macs : layer.macs);
  bound.compute = time_ms(2e-9 * macs * batch, peak_of_kernel(layer, record.peak));
  const double outputs_peak =
      works_on_bytes(layer) ? record.peak.int8_outputs_gps : record.peak.fp32_outputs_gps;
  if (layer.macs > 0)
    bound.epilogue = time_ms(1e-9 * static_cast<double>(layer.outputs) * batch, outputs_peak);

  Levels levels(record, bound);
  // Threads that share a call have parts of its images; others have images of their own.
  const double group = std::min(record.batch, layer.images_per_group);
  const double sharers = layer.shared_by_threads || record.batch < record.threads ? threads : 1;
  const auto input = static_cast<double>(layer.input_bytes), output = static_cast<double>(layer.output_bytes);
  const double in_call = (layer.reads_caller ? 0 : input) + (layer.writes_caller ? 0 : output);
  const auto activations = [&](double bytes, bool callers) {
    if (callers)
      levels.add(bytes * batch, bytes * batch / threads, bytes * batch);
    else
      levels.add(bytes * batch, in_call * group / sharers, in_call * group / sharers * threads);
  };
  activations(input, layer.reads_caller);
  activations(output, layer.writes_caller);
  const double groups = count_groups(layer, record.batch);
  const double weights = weights_in_between(layer, record);
  levels.add(static_cast<double>(layer.weight_bytes) * groups, weights / sharers, weights);
  return bound;
}

}  // namespace octet::lab
