// The parts of the module octet._octet, each in its file.
#pragma once

#include <pybind11/pybind11.h>

namespace octet::python {

namespace py = pybind11;

void bind_errors(py::module_& module);
void bind_network(py::module_& module);
void bind_calibration(py::module_& module);
void bind_engine(py::module_& module);

}  // namespace octet::python
