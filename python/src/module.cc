#include "bindings.h"
#include "octet/version.h"

PYBIND11_MODULE(_octet, module) {
  module.doc() = "Octet's engine; use it as the package octet.";
  module.attr("__version__") = octet::kVersion;
  octet::python::bind_errors(module);
  octet::python::bind_network(module);
  octet::python::bind_calibration(module);
  octet::python::bind_engine(module);
}
