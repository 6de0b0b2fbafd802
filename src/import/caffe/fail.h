// Errors of a Caffe file's contents.
#pragma once

#include <fmt/format.h>

#include <utility>

#include "octet/error.h"
#include "octet/network.h"

namespace octet::caffe {

/// Throws Error(code) with `origin` (file, line, layer) in front of the message.
template <typename... Args>
[[noreturn]] void fail(ErrorCode code, const Origin& origin, fmt::format_string<Args...> format,
                       Args&&... args) {
  throw Error(code,
              fmt::format("{}: {}", origin.to_string(), fmt::format(format, std::forward<Args>(args)...)));
}

}  // namespace octet::caffe
