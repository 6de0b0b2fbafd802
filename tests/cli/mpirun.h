// Starts octet as ranks, where there is a launcher.
#pragma once

#include <sched.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "tests/cli/program.h"

namespace octet::test {

/// The launcher, if there is one and ranks have two cores (CPUs, to be simple) to run on.
inline std::filesystem::path mpirun() {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  if (::sched_getaffinity(0, sizeof cpus, &cpus) != 0 || CPU_COUNT(&cpus) < 2) return {};
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "" : path);
  for (std::string folder; std::getline(folders, folder, ':');)
    if (const auto file = std::filesystem::path(folder) / "mpirun"; ::access(file.c_str(), X_OK) == 0)
      return file;
  return {};
}

/// Runs octet as two ranks of a mpirun of ours.
inline Finished two_ranks(std::vector<std::string> arguments) {
  std::vector<std::string> all = {"-n", "2"};
  if (::geteuid() == 0) all.emplace_back("--allow-run-as-root");
  all.emplace_back(OCTET_PROGRAM);
  all.insert(all.end(), arguments.begin(), arguments.end());
  return Program(mpirun().string())(all);
}

/// Why two ranks cannot be started here; empty if they can.
inline std::string why_no_two_ranks() {
  if (mpirun().empty()) return "there is no mpirun (apt-get install openmpi-bin), or only one core";
  const Finished probe = two_ranks({"--version"});
  return probe.exit_code == 0 ? "" : "mpirun cannot start two ranks here: " + probe.err;
}

}  // namespace octet::test
