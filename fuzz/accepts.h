// The one line that all targets have in common: what may be thrown.
#pragma once

#include "octet/error.h"

namespace octet::fuzz {

/// Whether `read` gives no octet::Error. Other exceptions pass through.
template <class Read>
bool accepts(Read&& read) {
  try {
    read();
    return true;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace octet::fuzz
