// What the fake NVML library answers; a test finds it in the library by the symbol fake_nvml.
#pragma once

namespace octet::lab {

struct FakeNvml {
  int init_result = 0;
  int users = 0;  ///< initialised and not shut down
  unsigned devices = 1;
  const char* name = "Tesla P40";
  int major = 6, minor = 1;  ///< compute capability: Pascal
  int energy_result = 0;
  unsigned long long energy_mj = 0;
  int power_result = 0;
  unsigned power_mw = 0;
  int lost_device = -1;  ///< which fails as "GPU is lost"
  int board_result = 0;  ///< of all that is asked of the board's state
  int performance_state = 0;
  unsigned sm_mhz = 1531;
  unsigned celsius = 40;
  unsigned busy_percent = 100;
  unsigned long long reasons = 0;
};
using FakeNvmlFunction = FakeNvml*();

}  // namespace octet::lab
