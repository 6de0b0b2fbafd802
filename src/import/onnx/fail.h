// Errors of an ONNX file's contents.
#pragma once

#include <fmt/format.h>

#include <string_view>
#include <utility>

#include "octet/error.h"

namespace octet::onnx {

/// Throws Error(code) with `where` ("net.onnx: node 'conv1' (Conv, opset 13)") in front of the message.
template <typename... Args>
[[noreturn]] void fail(ErrorCode code, std::string_view where, fmt::format_string<Args...> format,
                       Args&&... args) {
  throw Error(code, fmt::format("{}: {}", where, fmt::format(format, std::forward<Args>(args)...)));
}

}  // namespace octet::onnx
