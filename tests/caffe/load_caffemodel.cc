// load_caffemodel PROTOTXT CAFFEMODEL: imports a network in a process of its own and prints what that took:
// "peak_anonymous_bytes N" (the most that the process ever held resident beyond what it held before the
// import; nothing is mapped from files in between) and "seconds S".
#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <fstream>
#include <sstream>
#include <string>

#include "import/caffe/caffe_importer.h"

namespace {

/// A line of /proc/self/status, in bytes.
std::uint64_t status_bytes(const std::string& key) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind(key + ":", 0) != 0) continue;
    std::istringstream fields(line.substr(key.size() + 1));
    std::uint64_t kibibytes = 0;
    fields >> kibibytes;
    return kibibytes * 1024;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    fmt::print(stderr, "usage: load_caffemodel PROTOTXT CAFFEMODEL\n");
    return 2;
  }
  try {
    const std::uint64_t before = status_bytes("VmRSS");
    const auto start = std::chrono::steady_clock::now();
    const octet::graph::Graph graph = octet::caffe::import_caffe(argv[1], argv[2]);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    fmt::print("peak_anonymous_bytes {}\nseconds {:.3f}\n", status_bytes("VmHWM") - before, took.count());
    return graph.nodes.empty() ? 1 : 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "load_caffemodel: {}\n", error.what());
    return 2;
  }
}
