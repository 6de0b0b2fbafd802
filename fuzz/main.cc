// Fuzzes one target by libFuzzer: octet_fuzz --target=NAME [libFuzzer's options and folders]. What it finds
// it shows by failing.
#include <time.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "fuzz/target.h"

namespace {

constexpr double kMostSeconds = 5;
const octet::fuzz::Target* target = nullptr;

double processor_seconds() {
  timespec t = {};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  for (int i = 1; i < *argc; ++i) {
    const std::string argument = (*argv)[i];
    if (argument.starts_with("--target=")) target = octet::fuzz::find_target(argument.substr(9));
  }
  if (target != nullptr) return 0;
  std::fputs("usage: octet_fuzz --target=NAME [libFuzzer's options and folders]; names:", stderr);
  for (const octet::fuzz::Target& each : octet::fuzz::targets()) std::fprintf(stderr, " %s", each.name);
  std::fputc('\n', stderr);
  std::exit(2);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const double start = processor_seconds();
  target->run({reinterpret_cast<const std::byte*>(data), size});
  // Of the processor, since a busy machine is not the input's fault. What waits for ever ends by libFuzzer's
  // -timeout.
  if (processor_seconds() - start > kMostSeconds) {
    std::fprintf(stderr, "took more than %g s\n", kMostSeconds);
    std::abort();
  }
  return 0;
}
