// The study's networks, built by name exactly as their authors' Caffe files define them: the same layers,
// names, shapes and order. Weights are placeholders (Weights::missing) until fill_synthetic_weights or a
// caffemodel gives them values.
#pragma once

#include <string>
#include <vector>

#include "graph/graph.h"

namespace octet::zoo {

/// The words of the command line, in the study's order: "alexnet", "googlenet", "resnet-50", ...
const std::vector<std::string>& names();

/// One network of `names()`, shapes inferred. Throws Error(kNotFound) listing the names.
graph::Graph build(const std::string& name);

}  // namespace octet::zoo
