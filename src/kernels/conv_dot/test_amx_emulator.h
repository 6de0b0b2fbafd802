// Runs code with tile instructions on x86 CPUs that have none, for tests: each such instruction ends in
// SIGILL, whose handler reads it, executes it on the portable model and goes on behind it. So the very object
// code of x86_amx_tiles.cc is tested, addresses, tile numbers and all that a compiler can get wrong.
#pragma once

#include <string>

namespace octet::kernels::conv_dot {

/// What executes tile instructions in this test program from now on: "hardware"; "emulation", if the CPU
/// lacks them but has the AVX-512 that stands around them; or "" if nothing can. The first call asks Linux
/// for the permission to use them, or installs the emulator, for all threads.
std::string tile_instructions();

/// Instructions emulated so far, on all threads.
long emulated_instructions();
class TileModel;
/// What they act on: this thread's tiles.
TileModel& emulated_tiles();

}  // namespace octet::kernels::conv_dot
