// Where a network's time goes, layer by layer, against what this machine can do: pure functions of a
// LayerRecord, so that a bundle's figures can be derived again.
//
// A layer's time is the median of its CPU time over all threads, divided by their number: what it adds to the
// wall clock when all threads work. What threads wait for each other is counted apart; both together are the
// run. Its operations are 2 a MAC of the layer as defined, so that Winograd may exceed 100 % of the peak; its
// bytes are the images' activations, read and written, and its weights once a group of images. layer_bound.h
// has the least time that the peaks allow it.
#pragma once

#include <string>
#include <vector>

#include "lab/profile/layer_bound.h"
#include "lab/profile/layer_record.h"
#include "lab/support/json_fwd.h"

namespace octet::lab {

/// What a layer's time is made of, ms. The parts add up to the layer's time.
///  - A layer of MACs: `arithmetic` at the peak of its type; `saved` (negative) where it takes less than
///  that;
///    `memory`, by which its bytes at the speed of memory need more than its arithmetic (at most up to the
///    measured time); `kernel`, what is above both.
///  - A layer without MACs is all `layout` if it only moves or converts data, else all `other`.
struct TimeParts {
  double arithmetic = 0;
  double saved = 0;
  double memory = 0;
  double kernel = 0;
  double layout = 0;
  double other = 0;
  double total() const { return arithmetic + saved + memory + kernel + layout + other; }
};

struct LayerFigures {
  std::string layer;
  std::string op;
  std::string kernel;
  double ms = 0;
  double share = 0;       ///< of the layers' sum, 0..1
  double gops = 0;        ///< 1e9 operations a second
  double peak_share = 0;  ///< 0..1 and above
  double gbps = 0;        ///< 1e9 bytes a second
  double wait_ms = 0;     ///< in which threads waited behind it, divided by their number
  LayerBound bound;
  double bound_share = 0;  ///< of the bound in ms; 0..1, above where the peaks were measured too low
  TimeParts parts;
};

/// A bar of the waterfall. The first and the last are whole times, those between them changes: the first and
/// the changes add up to the last.
struct WaterfallStep {
  std::string step;  ///< "FP32 at its peak", "INT8's instructions", ..., "INT8 measured"
  double ms = 0;
  std::string text;  ///< a sentence's worth of what it is
};

struct LayerProfile {
  std::string network;
  std::string precision;
  int batch = 1;
  int threads = 1;
  std::string isa;
  MachinePeaks peak;
  std::vector<LayerFigures> layers;
  double sum_ms = 0;      ///< of the layers
  double waiting_ms = 0;  ///< median of the runs' waiting; with sum_ms, all but a run's start and end
  double whole_ms = 0;    ///< median of the timed runs
  double untimed_ms = 0;  ///< median of the runs without the clock reads
  std::vector<WaterfallStep> waterfall;
};
LayerProfile derive_layer_profile(const LayerRecord& record);

/// An entry of results.json's `layers` without `record`: shares in percent, `parts` in ms.
Json to_json(const LayerProfile& profile);

}  // namespace octet::lab
