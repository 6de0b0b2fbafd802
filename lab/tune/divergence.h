// How far one classifier's answer lies from another's: a continuous measure where top-1 is a coarse one. A
// hundred pictures tell two layers' errors apart with it.
#pragma once

#include <span>

namespace octet::lab {

/// Kullback-Leibler divergence of the class probabilities, in nats: sum p ln(p / q), p of `reference`. Scores
/// that are not a distribution (not all within [0, 1] with sum 1) become one by softmax; then both do.
/// Infinite where `scores` are not finite. Both have the same size, at least 1.
double divergence(std::span<const float> reference, std::span<const float> scores);

}  // namespace octet::lab
