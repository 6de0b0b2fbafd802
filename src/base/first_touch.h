// Where memory comes to lie. Linux puts a page on the memory node of the thread that first touches it, so
// each thread touches what it will use before anything else does, and what all threads read is touched by
// threads of all nodes in turn.
#pragma once

#include <cstddef>

namespace octet::base {

/// Writes a zero into each page of fresh memory.
void touch(std::byte* begin, std::size_t bytes);

/// Touches a thread's part of memory that all `threads` threads use alike: huge pages (2 MiB) go to threads
/// far apart, which those of other nodes are, bound in the order of MachineInfo::placement.
void touch_part(std::byte* begin, std::size_t bytes, int thread, int threads);

/// The thread that touches a huge page.
int toucher(std::size_t page, int threads);

}  // namespace octet::base
