#include "lab/power/cpu_time.h"

#include <fmt/format.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "octet/error.h"

namespace octet::lab {

CpuTime read_cpu_time(const std::string& file) {
  std::ifstream in(file);
  if (!in) throw Error(ErrorCode::kIo, fmt::format("{}: cannot be read", file));
  std::string line;
  std::getline(in, line);
  std::istringstream all(line);
  std::string name;
  double user = 0, nice = 0, system = 0, idle = 0, iowait = 0, interrupts = 0, soft_interrupts = 0;
  all >> name >> user >> nice >> system >> idle >> iowait >> interrupts >> soft_interrupts;
  if (!all || name != "cpu")
    throw Error(ErrorCode::kParse,
                fmt::format("{}:1: expected 'cpu' and its times, got '{}'", file, line.substr(0, 100)));
  CpuTime time;
  time.busy_s =
      (user + nice + system + interrupts + soft_interrupts) / static_cast<double>(sysconf(_SC_CLK_TCK));
  time.cpus = 0;
  while (std::getline(in, line) && line.starts_with("cpu")) ++time.cpus;
  if (time.cpus == 0) throw Error(ErrorCode::kParse, fmt::format("{}:2: expected 'cpu0', got none", file));
  return time;
}

}  // namespace octet::lab
