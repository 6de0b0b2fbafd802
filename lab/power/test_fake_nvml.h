// What the fake NVML library answers; a test finds it in the library by the symbol fake_nvml.
#pragma once

namespace octet::lab {

struct FakeNvml {
  int init_result = 0;
  int users = 0;  ///< initialised and not shut down
  unsigned devices = 1;
  const char* name = "Tesla P40";
  unsigned architecture = 4;  ///< Pascal
  int energy_result = 0;
  unsigned long long energy_mj = 0;
  int power_result = 0;
  unsigned power_mw = 0;
  bool lost = false;
};
using FakeNvmlFunction = FakeNvml*();

}  // namespace octet::lab
