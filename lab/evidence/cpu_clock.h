// The rate at which a core runs right now, where nothing in the system tells it: a chain of additions, each
// of which needs the result of the one before and so takes one cycle, is timed.
#pragma once

#include "lab/support/clock.h"

namespace octet::lab {

/// GHz of the CPU that this thread is on. Spins about 2 ms; the fastest of many short pieces counts, so that
/// interrupts and stolen time in between do no harm. 0 if the clock stood still.
double estimate_clock_ghz(Clock& clock);

}  // namespace octet::lab
