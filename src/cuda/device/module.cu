// The module that a GPU loads: every device function that its architecture has.
#include "cuda/device/functions.h"

using namespace octet::cuda::device;

// Read where they lie, without a copy. Pascal's compiler does not take the word, and makes no copy of what only
// inlined functions refer to.
#if __CUDA_ARCH__ >= 700
#define OCTET_PARAMETERS const __grid_constant__
#else
#define OCTET_PARAMETERS const
#endif

// One for each capability that functions.inc names: what needs more than this architecture has is not in the
// module, so that launching it is an error rather than nothing done.
#define OCTET_SINCE_61(...) __VA_ARGS__
#if __CUDA_ARCH__ >= 750
#define OCTET_SINCE_75(...) __VA_ARGS__
#else
#define OCTET_SINCE_75(...)
#endif
#if __CUDA_ARCH__ >= 800
#define OCTET_SINCE_80(...) __VA_ARGS__
#else
#define OCTET_SINCE_80(...)
#endif
#if __CUDA_ARCH__ >= 900
#define OCTET_SINCE_90(...) __VA_ARGS__
#else
#define OCTET_SINCE_90(...)
#endif

#define OCTET_DEVICE_FUNCTION(name, Params, body, threads, least_sm)                        \
  OCTET_SINCE_##least_sm(extern "C" __global__ void __launch_bounds__(threads)              \
                             octet_##name(OCTET_PARAMETERS Params params) {                 \
    Thread thread;                                                                          \
    body(thread, params);                                                                   \
  })
#include "cuda/functions.inc"
