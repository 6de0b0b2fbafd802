// The one exception type of Octet: everything that loads, checks, builds or measures reports failure with it.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

#include "octet/api.h"

namespace octet {

/// What kind of thing went wrong. The message names the place (file, line, layer, shapes); the code is for
/// programs.
enum class ErrorCode {
  kInvalidArgument,  ///< a wrong option, shape or value given by the caller
  kNotFound,         ///< a file, network, layer or device that is not there
  kParse,  ///< a file that breaks its own format; the message has file:line:column or file and byte offset
  kInvalidNetwork,  ///< a well-formed file whose network makes no sense (missing input, cycle, bad shape)
  kUnsupported,     ///< something valid that Octet does not do; the message says what it would need
  kMismatch,        ///< two things that must belong together do not (weights and network, cache and network)
  kMemoryLimit,     ///< the need, known before allocation, is over the limit or over what the machine has
  kIo,              ///< reading or writing failed for a reason of the system's
  kInterrupted,     ///< stopped by the user
  kInternal,        ///< a fault of Octet's own
};

/// The text with whatever a terminal would obey instead of showing as hexadecimal escapes of C: control
/// characters but the line's end and the tabulator, and bytes that are no UTF-8. For names out of files.
OCTET_API std::string printable(std::string_view text);

class OCTET_API Error : public std::runtime_error {
 public:
  /// what() is the message made printable.
  Error(ErrorCode code, std::string_view message);
  ErrorCode code() const noexcept { return code_; }

 private:
  ErrorCode code_;
};

}  // namespace octet
