#include "octet/calibration.h"

#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "arrays.h"
#include "bindings.h"
#include "octet/error.h"
#include "octet/network.h"

namespace octet::python {
namespace {

using Floats = py::array_t<float, py::array::c_style | py::array::forcecast>;

/// The pictures of a Python iterable: arrays C x H x W, or N x C x H x W. Calibration reads them from threads
/// of its own.
class IterableImages : public CalibrationImages {
 public:
  IterableImages(py::object iterable, Shape shape)
      : iterable_(std::move(iterable)), shape_(std::move(shape)) {}

  void rewind() override {
    const py::gil_scoped_acquire gil;
    iterator_ = py::iter(iterable_);
    array_ = Floats();
    images_ = used_ = 0;
  }

  int next(int most, std::span<float> images) override {
    const py::gil_scoped_acquire gil;
    const std::int64_t elements = shape_.elements();
    int count = 0;
    for (; count < most; ++count, ++used_) {
      while (used_ == images_)
        if (!advance()) return count;
      std::copy_n(array_.data() + used_ * elements, elements, images.begin() + count * elements);
    }
    return count;
  }

 private:
  /// The next array; false at the end.
  bool advance() {
    const auto item = py::reinterpret_steal<py::object>(PyIter_Next(iterator_.ptr()));
    if (!item) {
      if (PyErr_Occurred() != nullptr) throw py::error_already_set();
      return false;
    }
    array_ = Floats::ensure(item);
    if (!array_) throw py::error_already_set();
    const auto rank = static_cast<py::ssize_t>(shape_.rank());
    bool fits = array_.ndim() == rank || array_.ndim() == rank - 1;
    for (py::ssize_t i = 1; fits && i < rank; ++i)
      fits = array_.shape(array_.ndim() - i) == shape_[static_cast<std::size_t>(rank - i)];
    if (!fits)
      throw Error(ErrorCode::kInvalidArgument, "calibrate: expected arrays of the input's shape " +
                                                   shape_.to_string() + " (any N, or without it), got " +
                                                   py::str(array_.attr("shape")).cast<std::string>());
    images_ = array_.ndim() == rank ? array_.shape(0) : 1;
    used_ = 0;
    return true;
  }

  py::object iterable_, iterator_;
  Shape shape_;
  Floats array_;
  std::int64_t images_ = 0, used_ = 0;  // of array_
};

std::shared_ptr<Calibration> calibrate_on(const Network& network, const py::object& images,
                                          const std::string& method, double percentile,
                                          const std::string& scheme, const std::string& rounding,
                                          bool bias_correction, int threads, std::vector<float> pixel_mean,
                                          std::string data, const py::object& progress) {
  if (network.inputs().size() != 1)
    throw Error(ErrorCode::kUnsupported, "calibrate: the network must have one input");
  CalibrationOptions options;
  options.method = parse_calibration_method(method);
  options.percentile = percentile;
  options.scheme = parse_quantization_scheme(scheme);
  options.weight_rounding = parse_weight_rounding(rounding);
  options.bias_correction = bias_correction;
  options.threads = threads;
  options.pixel_mean = std::move(pixel_mean);
  options.source.data = std::move(data);
  options.progress = [&progress](double share) {
    const py::gil_scoped_acquire gil;
    // Ctrl-C, which Python hands to its main thread only; that is one of calibration's.
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    if (!progress.is_none()) progress(share);
  };
  IterableImages source(images, network.inputs()[0].shape);
  const py::gil_scoped_release released;
  return std::make_shared<Calibration>(calibrate(network, source, options));
}

py::list tensor_rows(const Calibration& calibration) {
  py::list rows;
  for (const TensorCalibration& tensor : calibration.tensors) {
    py::dict row;
    row["name"] = tensor.name;
    row["scale"] = tensor.scale;
    row["zero_point"] = tensor.zero_point;
    row["method"] = to_string(tensor.method);
    row["threshold"] = tensor.threshold;
    row["minimum"] = tensor.minimum;
    row["maximum"] = tensor.maximum;
    row["clipped_percent"] = tensor.clipped;
    row["tied_to"] = tensor.tied_to;
    rows.append(row);
  }
  return rows;
}

py::list layer_rows(const Calibration& calibration) {
  py::list rows;
  for (const LayerCalibration& layer : calibration.layers) {
    py::dict row;
    row["name"] = layer.name;
    row["precision"] = to_string(layer.precision);
    row["reason"] = layer.reason;
    row["sqnr_db"] = layer.sqnr_db;
    rows.append(row);
  }
  return rows;
}

}  // namespace

void bind_calibration(py::module_& module) {
  py::class_<Calibration, std::shared_ptr<Calibration>>(
      module, "Calibration", "The scale of each tensor and the precision of each layer.")
      .def_static("load", &Calibration::load, py::arg("path"),
                  "Reads a file that save() or `octet calibrate` wrote.")
      .def_static(
          "from_json", [](const std::string& text) { return Calibration::from_json(text, "the JSON text"); },
          py::arg("text"), "What to_json() gave.")
      .def("save", &Calibration::save, py::arg("path"), "Writes a JSON file; it appears whole or not at all.")
      .def("to_json", &Calibration::to_json, "The text that save() writes.")
      .def("hash", &Calibration::hash, "16 hex digits over all that decides an engine's bits.")
      .def(
          "check",
          [](Calibration& calibration, const Network& network) { calibration.check(network, "", false); },
          py::arg("network"), "Raises Error if it was made for another network.")
      .def_property_readonly(
          "method", [](const Calibration& c) { return to_string(c.method); }, "How scales were chosen.")
      .def_property_readonly(
          "scheme", [](const Calibration& c) { return to_string(c.scheme); }, "\"u8\" or \"symmetric-s8\".")
      .def_property_readonly(
          "images", [](const Calibration& c) { return c.source.images; }, "How many images calibrated.")
      .def("tensors", &tensor_rows, "One dict a tensor.")
      .def("layers", &layer_rows, "One dict a convolution or fully connected layer.");

  module.def("calibrate", &calibrate_on, py::arg("network"), py::arg("images"), py::kw_only(),
             py::arg("method") = "mse", py::arg("percentile") = 99.99, py::arg("scheme") = "u8",
             py::arg("rounding") = "nearest", py::arg("bias_correction") = false, py::arg("threads") = 0,
             py::arg("pixel_mean") = std::vector<float>(), py::arg("data") = "NumPy arrays",
             py::arg("progress") = py::none(), "See octet.calibrate, which takes generators too.");
}

}  // namespace octet::python
