#include "octet/error.h"

#include <pybind11/gil_safe_call_once.h>

#include <exception>
#include <utility>

#include "bindings.h"

namespace octet::python {
namespace {

const char* name_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return "invalid_argument";
    case ErrorCode::kNotFound:
      return "not_found";
    case ErrorCode::kParse:
      return "parse";
    case ErrorCode::kInvalidNetwork:
      return "invalid_network";
    case ErrorCode::kUnsupported:
      return "unsupported";
    case ErrorCode::kMismatch:
      return "mismatch";
    case ErrorCode::kMemoryLimit:
      return "memory_limit";
    case ErrorCode::kIo:
      return "io";
    case ErrorCode::kInterrupted:
      return "interrupted";
    case ErrorCode::kInternal:
      return "internal";
  }
  return "internal";
}

PYBIND11_CONSTINIT py::gil_safe_call_once_and_store<py::object> error_type;

// register_exception would lose the code.
void translate(std::exception_ptr thrown) {
  try {
    if (thrown) std::rethrow_exception(std::move(thrown));
  } catch (const Error& error) {
    const py::object& type = error_type.get_stored();
    const py::object value = type(error.what());
    value.attr("code") = name_of(error.code());
    PyErr_SetObject(type.ptr(), value.ptr());
  }
}

}  // namespace

void bind_errors(py::module_& module) {
  error_type.call_once_and_store_result([&] {
    py::exception<Error> type(module, "Error");
    type.doc() =
        "Whatever goes wrong: the message names the file, line or layer, what was expected and what came; "
        "`code` says what "
        "kind of error it is.";
    return py::object(type);
  });
  py::register_exception_translator(&translate);
}

}  // namespace octet::python
