// How long the machine's CPUs have worked, from /proc/stat.
#pragma once

#include <string>

namespace octet::lab {

struct CpuTime {
  double busy_s = 0;  ///< of all CPUs since the boot: user, nice, system, interrupts
  int cpus = 1;
};
/// In steps of 1 / sysconf(_SC_CLK_TCK). Throws Error(kIo, kParse) naming the file.
CpuTime read_cpu_time(const std::string& file = "/proc/stat");

}  // namespace octet::lab
