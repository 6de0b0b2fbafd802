#include "octet/network.h"

#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "arrays.h"
#include "bindings.h"
#include "octet/calibration.h"
#include "octet/error.h"
#include "octet/export.h"
#include "octet/reference.h"

namespace octet::python {
namespace {

py::list layer_rows(const Network& network) {
  py::list rows;
  for (const LayerInfo& layer : network.layers()) {
    py::dict row;
    row["name"] = layer.name;
    row["op"] = layer.op;
    row["inputs"] = layer.inputs;
    row["outputs"] = layer.outputs;
    row["output_shape"] = to_tuple(layer.output_shape);
    row["macs"] = layer.macs;
    row["params"] = layer.params;
    row["attributes"] = layer.attributes;
    row["origin"] = layer.origin.to_string();
    rows.append(row);
  }
  return rows;
}

py::list run_plainly(const Network& network, const py::array& input, int threads) {
  if (network.inputs().size() != 1)
    throw Error(ErrorCode::kUnsupported, "run_reference: the network must have one input");
  const TensorInfo info = network.inputs()[0];
  const std::vector<std::int64_t>& dims = info.shape.dims();
  const Wanted wanted{"input '" + info.name + "'", {dims.begin() + 1, dims.end()}};
  const int batch = batch_of(input, wanted);
  const std::span<const float> values = floats(input, wanted, batch);
  std::vector<std::vector<float>> outputs;
  {
    const py::gil_scoped_release released;
    outputs = run_reference(network, batch, std::span(&values, 1), threads);
  }
  py::list arrays;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const std::vector<std::int64_t> one = network.outputs()[i].shape.dims();
    const Wanted output{network.outputs()[i].name, {one.begin() + 1, one.end()}};
    py::array array = new_floats(output, batch);
    const std::span<float> to = writable_floats(array, output, batch);
    std::copy(outputs[i].begin(), outputs[i].end(), to.begin());
    arrays.append(array);
  }
  return arrays;
}

}  // namespace

void bind_network(py::module_& module) {
  using Path = std::filesystem::path;
  using Released = py::call_guard<py::gil_scoped_release>;

  py::class_<TensorInfo>(module, "TensorInfo",
                         "An input or output; its shape is that of one image, N being 1.")
      .def_readonly("name", &TensorInfo::name, "As in the network's file.")
      .def_property_readonly(
          "shape", [](const TensorInfo& info) { return to_tuple(info.shape); }, "Outermost dimension first.")
      .def("__repr__", [](const TensorInfo& info) { return info.name + " " + info.shape.to_string(); });

  py::class_<Network>(module, "Network", "Layers and FP32 weights; immutable.")
      .def_property_readonly("name", &Network::name, "As its file or the built-in list has it.")
      .def_property_readonly("inputs", &Network::inputs, "Names and shapes.")
      .def_property_readonly("outputs", &Network::outputs, "Names and shapes.")
      .def_property_readonly(
          "calibration",
          [](const Network& network) -> std::shared_ptr<Calibration> {
            if (network.calibration() == nullptr) return nullptr;
            return std::make_shared<Calibration>(*network.calibration());
          },
          "The scales that a quantised ONNX file brings (a copy), or None. Engines of integers that are "
          "given "
          "no others take them.")
      .def_property_readonly("synthetic_weights", &Network::synthetic_weights,
                             "True if the weights came from a seed, not from a file.")
      .def("layers", &layer_rows, "One dict a layer.")
      .def("hash", &Network::hash, Released(), "16 hex digits: equal exactly when networks compute the same.")
      .def("with_output", &Network::with_output, py::arg("tensor"), "The same network up to this tensor.")
      .def("export_onnx", &export_onnx, py::arg("path"), Released(), "Writes the network as FP32 ONNX.")
      .def("__repr__", [](const Network& network) { return "<octet.Network '" + network.name() + "'>"; });

  module.def(
      "load",
      [](const Path& path, const std::optional<Path>& weights, std::uint64_t seed) {
        return Network::open(path.string(), weights, seed);
      },
      py::arg("path"), py::arg("weights") = py::none(), py::kw_only(), py::arg("seed") = 1, Released(),
      "A network's file, as the command line takes it: a .prototxt with its .caffemodel, without which "
      "weights are synthetic, from the seed.");
  module.def("zoo", &Network::zoo, py::arg("name"), py::kw_only(), py::arg("seed") = 1, Released(),
             "A built-in network; zoo_names() lists them.");
  module.def("zoo_names", &Network::zoo_names, "The names that zoo() knows.");
  module.def("run_reference", &run_plainly, py::arg("network"), py::arg("input"), py::kw_only(),
             py::arg("threads") = 0,
             "The outputs as a plain interpreter computes them, with sums in double: slow, and what engines "
             "are checked against.");
}

}  // namespace octet::python
