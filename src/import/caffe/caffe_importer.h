// Caffe's files -> graph: prototxt (prototxt.h), its layers wired up (network_builder.h), the caffemodel's
// numbers (weight_loader.h).
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>

#include "graph/graph.h"

namespace octet::caffe {

/// The network with all shapes inferred. Its inputs' batch is 1 whatever the file says. Without a caffemodel
/// the weights have their shapes but no values (`Weights::empty()`).
/// Throws Error (kNotFound, kIo, kParse, kInvalidNetwork, kUnsupported, kMismatch) naming file, line and
/// layer.
graph::Graph import_caffe(const std::filesystem::path& prototxt,
                          const std::optional<std::filesystem::path>& caffemodel);

/// A file in memory; its name is for messages and for the origin of layers.
struct MemoryFile {
  std::string name;
  std::span<const std::byte> bytes;
};
/// The same of files in memory.
graph::Graph import_caffe(const MemoryFile& prototxt, const MemoryFile& caffemodel);

}  // namespace octet::caffe
