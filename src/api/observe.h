// Runs a network in FP32 over calibration pictures and shows the values of chosen tensors. Each picture runs
// alone and on one thread, several at a time, so what is seen of a picture depends on nothing but the
// picture.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "graph/graph.h"
#include "octet/calibration.h"

namespace octet {

/// `values[i]`: the i-th tensor, dense NCHW. `picture` counts from 0 in the order of the images. Called from
/// several threads at a time, in any order of pictures.
using See = std::function<void(std::int64_t picture, std::span<const std::span<const float>> values)>;
/// Pictures done so far; from one thread at a time.
using Watch = std::function<void(std::int64_t pictures)>;

/// `graph`: of one input; every tensor of `tensors` is made by a live node or is the input. Reads `images`
/// from the start to the end and returns how many they were. Memory: one engine, and for each thread a
/// context and the tensors. Throws Error: kInvalidArgument (no images, more than asked for), what building an
/// engine, `images`, `see` and `watch` throw.
std::int64_t observe(const graph::Graph& graph, std::span<const graph::TensorId> tensors,
                     CalibrationImages& images, int threads, const See& see, const Watch& watch);
/// Bytes of that memory, and of FP32 weights that `graph` holds.
std::uint64_t observing_bytes(const graph::Graph& graph, std::span<const graph::TensorId> tensors,
                              int threads);

}  // namespace octet
