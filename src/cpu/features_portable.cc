// A CPU that is not x86-64: the generic kernels are all there is.
#include "cpu/features.h"

namespace octet::cpu {

const CpuFeatures& detect_features() {
  static const CpuFeatures features;
  return features;
}

}  // namespace octet::cpu
