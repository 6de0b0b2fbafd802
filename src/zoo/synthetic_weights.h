// Weights from a seed, for measuring networks whose trained weights are not at hand: the same numbers on
// every machine, compiler and thread count, with which activations keep a sane size through all layers.
//
// Each value depends on (seed, layer name, blob index, element index) only and is made with integers,
// + - * / and sqrt (IEEE-exact), so a network of the zoo and the same network imported from its file get the
// same weights. Sizes follow He et al. 2015, "Delving deep into rectifiers": deviation sqrt(2 / fan_in) where
// a ReLU follows, sqrt(1 / fan_in) elsewhere, corrected as signal_size.h tells. They suit inputs in [-1, 1],
// as the laboratory's synthetic images are, as well as pixels less their mean.
#pragma once

#include <cstdint>

#include "graph/graph.h"

namespace octet::zoo {

/// Gives values to all weights that are `missing()`; those that are there stay. Needs inferred shapes. Sets
/// `synthetic_weights` if there was anything to fill. `threads` 0: all that the process may use; the result
/// does not depend on it.
void fill_synthetic_weights(graph::Graph& graph, std::uint64_t seed, int threads = 0);

}  // namespace octet::zoo
