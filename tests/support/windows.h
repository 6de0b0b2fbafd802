// Test helper: windows drawn at random.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/op_desc.h"

namespace octet::test {

/// A kernel that does not fit into the map gets the padding that it needs.
inline void pad_to_fit(kernels::WindowDesc& w, std::int64_t height, std::int64_t width) {
  const auto missing = [](std::int64_t kernel, std::int64_t dilation, std::int64_t there) {
    return std::max<std::int64_t>(0, (kernel - 1) * dilation + 1 - there);
  };
  w.pad_top += missing(w.kernel_h, w.dilation_h, height + w.pad_top + w.pad_bottom);
  w.pad_right += missing(w.kernel_w, w.dilation_w, width + w.pad_left + w.pad_right);
}

}  // namespace octet::test
