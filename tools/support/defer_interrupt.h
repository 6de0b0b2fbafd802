// While it lives, SIGINT waits: for the moments in which a temporary file exists. What came meanwhile is
// delivered at the end.
#pragma once

#include <signal.h>

namespace octet::tools {

class DeferInterrupt {
 public:
  DeferInterrupt();
  ~DeferInterrupt();
  DeferInterrupt(const DeferInterrupt&) = delete;
  DeferInterrupt& operator=(const DeferInterrupt&) = delete;

 private:
  struct sigaction before_ = {};
};

}  // namespace octet::tools
