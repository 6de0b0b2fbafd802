// NumPy arrays as the spans that the engine reads and writes where they lie.
#pragma once

#include <pybind11/numpy.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "octet/types.h"

namespace octet::python {

namespace py = pybind11;

/// A tensor of a network and how callers hold it.
struct Wanted {
  std::string name;                ///< for messages: "input 'data'"
  std::vector<std::int64_t> dims;  ///< of one image, without N
};

/// N of an array N x dims. Throws Error(kInvalidArgument) unless its shape is that.
int batch_of(const py::array& array, const Wanted& wanted);

/// The array's own memory, never a copy. Throws Error(kInvalidArgument) unless it is C-contiguous, aligned,
/// of just this type and of `batch` images.
std::span<const float> floats(const py::array& array, const Wanted& wanted, int batch);
std::span<const std::uint8_t> bytes(const py::array& array, const Wanted& wanted, int batch);
std::span<float> writable_floats(py::array& array, const Wanted& wanted, int batch);

/// Whether they share a byte.
bool overlap(std::span<const std::byte> a, std::span<const std::byte> b);

/// A new array of `batch` images.
py::array new_floats(const Wanted& wanted, int batch);

py::tuple to_tuple(const Shape& shape);

}  // namespace octet::python
