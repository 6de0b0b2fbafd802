#include "tools/support/defer_interrupt.h"

namespace octet::tools {
namespace {

volatile sig_atomic_t interrupted = 0;

extern "C" void note_interrupt(int) { interrupted = 1; }

}  // namespace

// Not a blocked signal: another thread would take it.
DeferInterrupt::DeferInterrupt() {
  interrupted = 0;
  struct sigaction note = {};
  note.sa_handler = note_interrupt;
  note.sa_flags = SA_RESTART;
  sigaction(SIGINT, &note, &before_);
}

DeferInterrupt::~DeferInterrupt() {
  sigaction(SIGINT, &before_, nullptr);
  if (interrupted != 0) raise(SIGINT);
}

}  // namespace octet::tools
