// A library for a test to open: a driver of CUDA 10.2, which has too few functions.
// NOLINTNEXTLINE(readability-identifier-naming): the driver's own name
extern "C" __attribute__((visibility("default"))) int cuDriverGetVersion(int* version) {
  *version = 10020;
  return 0;
}
