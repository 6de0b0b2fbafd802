// The message of the Error that an action ends with, for tests of what errors say.
#pragma once

#include <functional>
#include <string>

#include "octet/error.h"

namespace octet::test {

/// "no error" if there is none. Other exceptions pass.
inline std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace octet::test
