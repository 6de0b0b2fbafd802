#include "kernels/layout.h"

namespace octet::kernels {

const char* to_string(Layout layout) { return layout == Layout::kNchw ? "nchw" : "nchw16c"; }

}  // namespace octet::kernels
