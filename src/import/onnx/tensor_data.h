// The numbers of a tensor: from the model's file or from one beside it, in the format's element types,
// checked against the tensor's dimensions before anything is allocated.
//
// FP32 goes from the file straight to where it stays. float16, bfloat16 and double become FP32; integers and
// bool become 64-bit integers, of which a network needs few (shapes, axes).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "import/onnx/constant.h"
#include "import/onnx/onnx_model.h"

namespace octet::onnx {

/// `where` names the tensor in errors: "net.onnx: initializer 'w'". External data must lie in the model's
/// folder: a path that leads out of it is refused, by a symbolic link too.
/// Throws Error (kParse, kNotFound, kIo, kInvalidNetwork, kUnsupported, kMemoryLimit).
Constant read_tensor(ModelFile& file, const TensorEntry& tensor, const std::string& where);
/// As many integers as there are, of a type of up to 32 bits. The same errors.
std::vector<std::int32_t> read_integers(ModelFile& file, const TensorEntry& tensor, const std::string& where);

}  // namespace octet::onnx
