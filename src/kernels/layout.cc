#include "kernels/layout.h"

namespace octet::kernels {

const char* to_string(Layout layout) {
  switch (layout) {
    case Layout::kNchw:
      return "nchw";
    case Layout::kNchw16c:
      return "nchw16c";
    case Layout::kNhwc:
      return "nhwc";
  }
  return "?";
}

}  // namespace octet::kernels
