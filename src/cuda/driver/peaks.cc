#include "cuda/driver/peaks.h"

namespace octet::cuda::driver {

int dp4a_lanes(int sm) {
  switch (sm) {
    case 61:  // Tesla P40 data sheet: 47 TOPS = 30 SMs x 128 lanes x 4 x 2 x 1.531 GHz
    case 62:
      return 128;
    // dp4a runs on the integer units, of which a multiprocessor has 64 according to NVIDIA's white papers of
    // Volta (GV100), Turing (TU102), Ampere (GA100, GA102), Ada (AD102) and Hopper (GH100).
    case 70:
    case 72:
    case 75:
    case 80:
    case 86:
    case 87:
    case 89:
    case 90:
      return 64;
    case 120:  // white paper of Blackwell (GB202): as many integer as FP32 operations, 128
      return 128;
    default:
      return 0;
  }
}

int tensor_macs(int sm) {
  switch (sm) {
    case 72:  // Jetson AGX Xavier data sheet: 22.6 TOPS = 8 SMs x 1024 x 2 x 1.377 GHz
    case 75:  // white paper of Turing: 2048 operations a clock and SM; Tesla T4: 130 TOPS, 40 SMs, 1.59 GHz
      return 1024;
    case 80:  // white paper of A100: 624 TOPS = 108 SMs x 2048 x 2 x 1.41 GHz
    case 87:  // Jetson AGX Orin data sheet: 85 TOPS = 16 SMs x 2048 x 2 x 1.3 GHz
      return 2048;
    case 86:   // A40 data sheet: 299 TOPS = 84 SMs x 1024 x 2 x 1.74 GHz
    case 89:   // L40S data sheet: 733 TOPS = 142 SMs x 1024 x 2 x 2.52 GHz
    case 120:  // white paper of GB202, RTX 5090: 838 TOPS = 170 SMs x 1024 x 2 x 2.407 GHz
      return 1024;
    case 90:  // H100 SXM data sheet: 1979 TOPS = 132 SMs x 4096 x 2 x 1.83 GHz
      return 4096;
    default:
      return 0;  // 6.x and 7.0 have none for bytes; of others we have no source
  }
}

namespace {
/// 1e12 operations a second of `macs` a clock and multiprocessor.
double tops(int macs, int multiprocessors, double clock_mhz) {
  return 2e-6 * macs * multiprocessors * clock_mhz;
}
}  // namespace

double dp4a_tops(int sm, int multiprocessors, double clock_mhz) {
  return tops(4 * dp4a_lanes(sm), multiprocessors, clock_mhz);
}
double tensor_tops(int sm, int multiprocessors, double clock_mhz) {
  return tops(tensor_macs(sm), multiprocessors, clock_mhz);
}
double memory_gbps(double clock_mhz, int bus_bits) { return 2 * clock_mhz * 1e6 * bus_bits / 8 * 1e-9; }

}  // namespace octet::cuda::driver
