// A Context for Python: arrays in and out without copies, the GIL released while it runs, and two threads at
// once an error instead of a race.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "arrays.h"
#include "octet/engine.h"

namespace octet::python {

class PythonContext {
 public:
  explicit PythonContext(const Engine& engine);

  /// `inputs`: an array, or a list of one for each input; `out`: None, or likewise. Returns what `out` is, or
  /// new arrays.
  py::object run(const py::object& inputs, const py::object& out);
  /// One dict a step: medians over `iterations` runs.
  py::list profile(const py::object& inputs, int iterations);

 private:
  struct Bound;  // the callers' memory of one run
  Bound bind(const py::object& inputs, const py::object& out) const;
  void run_bound(const Bound& bound);

  Engine engine_;
  Context context_;
  std::vector<Wanted> inputs_, outputs_;
  std::atomic<bool> in_use_ = false;
};

}  // namespace octet::python
