// A network as a file for other engines.
#pragma once

#include <filesystem>

#include "octet/network.h"

namespace octet {

/// ONNX (opset 13, FP32, dynamic batch), as imported: nothing is folded or fused. The file appears whole or
/// not at all. Throws Error(kUnsupported) naming a layer that ONNX cannot say, Error(kIo).
void export_onnx(const Network& network, const std::filesystem::path& path);

}  // namespace octet
