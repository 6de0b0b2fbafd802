// Runs code with tile instructions on x86 CPUs that have none, for tests: each such instruction ends in
// SIGILL, whose handler reads it, executes it on the portable model and goes on behind it. So the very object
// code of x86_amx_tiles.cc is tested, addresses, tile numbers and all that a compiler can get wrong.
#pragma once

namespace octet::kernels::conv_dot {

/// While it lives, tile instructions are emulated. One at a time, on one thread.
class AmxEmulator {
 public:
  AmxEmulator();
  ~AmxEmulator();
  AmxEmulator(const AmxEmulator&) = delete;
  AmxEmulator& operator=(const AmxEmulator&) = delete;
  /// Instructions executed so far.
  static long executed();
};

}  // namespace octet::kernels::conv_dot
