#include "arrays.h"

#include <functional>

#include "octet/error.h"

namespace octet::python {
namespace {

std::string words(const std::vector<std::int64_t>& dims, const std::string& first) {
  std::string text = "(" + first;
  for (const std::int64_t dim : dims) text += ", " + std::to_string(dim);
  return text + (dims.empty() ? ",)" : ")");
}

// A view into the middle of bytes may not be.
bool is_aligned(const py::array& array) {
  return array.itemsize() == 1 || reinterpret_cast<std::uintptr_t>(array.data()) % alignof(float) == 0;
}

[[noreturn]] void fail(const py::array& array, const Wanted& wanted, const std::string& batch,
                       const char* type) {
  throw Error(ErrorCode::kInvalidArgument,
              wanted.name + ": expected a C-contiguous array of " + type + " " + words(wanted.dims, batch) +
                  ", got " + py::str(array.dtype()).cast<std::string>() + " " +
                  py::str(array.attr("shape")).cast<std::string>() +
                  ((array.flags() & py::array::c_style) != 0 ? "" : ", not contiguous") +
                  (is_aligned(array) ? "" : ", not aligned"));
}

bool has_dims(const py::array& array, const Wanted& wanted) {
  if (static_cast<std::size_t>(array.ndim()) != wanted.dims.size() + 1) return false;
  for (std::size_t i = 0; i < wanted.dims.size(); ++i)
    if (array.shape(static_cast<py::ssize_t>(i) + 1) != wanted.dims[i]) return false;
  return true;
}

template <typename T>
void check(const py::array& array, const Wanted& wanted, int batch, const char* type) {
  if (!py::isinstance<py::array_t<T>>(array) || (array.flags() & py::array::c_style) == 0 ||
      !has_dims(array, wanted) || array.shape(0) != batch || !is_aligned(array))
    fail(array, wanted, std::to_string(batch), type);
}

}  // namespace

int batch_of(const py::array& array, const Wanted& wanted) {
  if (!has_dims(array, wanted) || array.shape(0) > INT32_MAX) fail(array, wanted, "N", "shape");
  return static_cast<int>(array.shape(0));
}

std::span<const float> floats(const py::array& array, const Wanted& wanted, int batch) {
  check<float>(array, wanted, batch, "float32");
  return {static_cast<const float*>(array.data()), static_cast<std::size_t>(array.size())};
}

std::span<const std::uint8_t> bytes(const py::array& array, const Wanted& wanted, int batch) {
  check<std::uint8_t>(array, wanted, batch, "uint8");
  return {static_cast<const std::uint8_t*>(array.data()), static_cast<std::size_t>(array.size())};
}

std::span<float> writable_floats(py::array& array, const Wanted& wanted, int batch) {
  check<float>(array, wanted, batch, "float32");
  if (!array.writeable()) throw Error(ErrorCode::kInvalidArgument, wanted.name + ": the array is read-only");
  return {static_cast<float*>(array.mutable_data()), static_cast<std::size_t>(array.size())};
}

bool overlap(std::span<const std::byte> a, std::span<const std::byte> b) {
  const std::less<> before;  // of any two addresses
  return before(a.data(), b.data() + b.size()) && before(b.data(), a.data() + a.size());
}

py::array new_floats(const Wanted& wanted, int batch) {
  std::vector<py::ssize_t> dims{batch};
  dims.insert(dims.end(), wanted.dims.begin(), wanted.dims.end());
  return py::array_t<float>(dims);
}

py::tuple to_tuple(const Shape& shape) {
  py::tuple dims(shape.rank());
  for (std::size_t i = 0; i < shape.rank(); ++i) dims[i] = shape[i];
  return dims;
}

}  // namespace octet::python
