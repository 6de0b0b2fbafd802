// The least time that a layer could take on this machine, and what would take it: of the peaks that were
// measured for as many threads, whichever the layer needs longest.
//
//   compute   its multiply-accumulates, as the kernel executes them (padding included; of Winograd, those
//             that are left), at the peak of their type
//   l2, l3,   its bytes at the read speed of the level that they come from. Activations come from the
//   memory    smallest level that holds what a thread reads and writes of them in a call (the caller's inputs
//             and outputs: in a run); weights, from the one that holds all weights that are read before these
//             are read again
//   epilogue  its outputs, made from sums as fast as that goes by itself
//
// Each is a time that the layer cannot pass, were everything else free; real kernels need some of several at
// once, so a share of the bound near 100 % says that nothing is left, and a low one, that it is not the
// machine.
#pragma once

#include "lab/profile/layer_record.h"

namespace octet::lab {

/// ms of all images, all threads at work.
struct LayerBound {
  double compute = 0;
  double l2 = 0;
  double l3 = 0;
  double memory = 0;
  double epilogue = 0;

  double ms() const;       ///< the longest
  const char* by() const;  ///< its name
};

/// What a record does not know (an older one: caches, outputs) counts for nothing, and bytes whose level is
/// unknown as memory's.
LayerBound bound_of(const LayerSamples& layer, const LayerRecord& record);

}  // namespace octet::lab
