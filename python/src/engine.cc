#include "octet/engine.h"

#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bindings.h"
#include "octet/machine.h"
#include "python_context.h"

namespace octet::python {
namespace {

py::list step_rows(const Engine& engine) {
  py::list rows;
  for (const StepInfo& step : engine.steps()) {
    py::dict row;
    row["layer"] = step.layer;
    row["op"] = step.op;
    row["kernel"] = step.kernel;
    row["output_layout"] = step.output_layout;
    row["output_type"] = step.output_type;
    row["output_shape"] = to_tuple(step.output_shape);
    row["macs"] = step.macs;
    row["weight_bytes"] = step.weight_bytes;
    rows.append(row);
  }
  return rows;
}

py::list pass_rows(const Engine& engine) {
  py::list rows;
  for (const PassReport& pass : engine.passes()) {
    py::dict row;
    row["name"] = pass.name;
    row["enabled"] = pass.enabled;
    row["changes"] = pass.changes;
    row["ms"] = pass.milliseconds;
    rows.append(row);
  }
  return rows;
}

py::dict memory_of(const Engine& engine) {
  const MemoryInfo memory = engine.memory();
  py::dict bytes;
  bytes["weight_bytes"] = memory.weight_bytes;
  bytes["arena_bytes"] = memory.arena_bytes;
  return bytes;
}

Engine build(const Network& network, const std::string& precision, std::shared_ptr<Calibration> calibration,
             int max_batch, int threads, std::vector<int> cpus, const std::string& pinning,
             const std::optional<std::string>& isa, bool winograd, bool pixel_input,
             std::uint64_t memory_limit) {
  BuildOptions options;
  options.precision = parse_precision(precision);
  options.calibration = std::move(calibration);
  options.max_batch = max_batch;
  options.threads = threads;
  options.cpus = std::move(cpus);
  options.pinning = parse_pinning(pinning);
  if (isa) options.isa = parse_isa(*isa);
  options.winograd = winograd;
  options.pixel_input = pixel_input;
  options.memory_limit = memory_limit;
  return Engine::build(network, options);
}

Engine load_engine(const std::filesystem::path& path, int max_batch, int threads, std::vector<int> cpus,
                   const std::string& pinning, std::uint64_t memory_limit) {
  LoadOptions options;
  options.max_batch = max_batch;
  options.threads = threads;
  options.cpus = std::move(cpus);
  options.pinning = parse_pinning(pinning);
  options.memory_limit = memory_limit;
  return Engine::load(path, options);
}

py::dict describe() {
  const MachineInfo machine = describe_machine();
  py::dict isas;
  for (const IsaStatus& status : machine.isas)
    isas[to_string(status.isa)] = status.usable ? "usable" : status.reason;
  py::dict all;
  all["cpu_model"] = machine.cpu_model;
  all["isas"] = isas;
  all["best_isa"] = to_string(machine.best_isa);
  all["cpus"] = machine.cpus;
  all["cores"] = machine.cores;
  all["default_threads"] = machine.default_threads;
  all["memory_bytes"] = machine.memory_bytes;
  return all;
}

constexpr const char* kBuildDoc =
    R"(Makes an engine: fuses layers, chooses kernels, plans memory, packs weights.

precision: "fp32", "bf16", "int8", "int16", or "mixed", each layer as the calibration says.
calibration: what calibrate() gave; the last three need it, unless the network brings its own.
max_batch: the largest batch that its contexts take.
threads: of each context; 0: one a core.
cpus: the CPU of each thread; none: as pinning says, "auto", "cores" or "none".
isa: an instruction set to keep to (describe_machine() lists them); None: the best.
winograd: False lets 3 x 3 convolutions run directly.
pixel_input: the input is pictures' bytes, uint8 N x H x W x C.
memory_limit: bytes that the engine may hold at any time, the network among them while it is built; 0: the machine's.)";

constexpr const char* kRunDoc =
    R"(Runs the engine on N images, 1 to max_batch.

inputs: float32 N x C x H x W (uint8 N x H x W x C with pixel_input), C-contiguous, or a list of one for each input; read where
    they lie.
out: float32 arrays to write into, likewise; None: new ones.

Returns out, or the new array, or a list of them where the network has several outputs.)";

void bind_engine_type(py::module_& module) {
  using Released = py::call_guard<py::gil_scoped_release>;

  py::class_<Engine>(module, "Engine",
                     "A network made ready for this machine; immutable, shared between threads.")
      .def_property_readonly("network_name", &Engine::network_name, "Name of the network.")
      .def_property_readonly(
          "precision", [](const Engine& engine) { return to_string(engine.precision()); },
          "\"fp32\", \"bf16\", \"int8\", \"int16\" or \"mixed\".")
      .def_property_readonly(
          "isa", [](const Engine& engine) { return to_string(engine.isa()); },
          "The instruction set that it uses.")
      .def_property_readonly("max_batch", &Engine::max_batch, "The largest batch that a context takes.")
      .def_property_readonly("threads", &Engine::threads, "Threads of each context.")
      .def_property_readonly("pixel_input", &Engine::pixel_input,
                             "True if it takes pictures' bytes, uint8 N x H x W x C.")
      .def_property_readonly("inputs", &Engine::inputs, "Names and shapes.")
      .def_property_readonly("outputs", &Engine::outputs, "Names and shapes.")
      .def_property_readonly("memory", &memory_of, "Bytes of the weights and of one context.")
      .def_property_readonly("notes", &Engine::notes, "What save() was given.")
      .def("steps", &step_rows, "One dict a kernel call of the plan.")
      .def("passes", &pass_rows, "One dict an optimisation pass: what it did.")
      .def("hash", &Engine::hash, Released(), "16 hex digits over the plan and the packed weights.")
      .def("save", &Engine::save, py::arg("path"), py::arg("notes") = EngineNotes(), Released(),
           "Writes a file that load_engine() maps.")
      .def(
          "create_context", [](const Engine& engine) { return std::make_unique<PythonContext>(engine); },
          Released(), "One caller's memory on this engine; one for each thread.");
}

}  // namespace

void bind_engine(py::module_& module) {
  using Released = py::call_guard<py::gil_scoped_release>;
  py::class_<PythonContext>(module, "Context", "Runs an engine; one thread at a time.")
      .def("run", &PythonContext::run, py::arg("inputs"), py::arg("out") = py::none(), kRunDoc)
      .def("profile", &PythonContext::profile, py::arg("inputs"), py::kw_only(), py::arg("iterations") = 10,
           "Runs the engine and returns one dict a step: median ms (of all threads, by their number), "
           "billions of operations a second, and the rest of what steps() says.");

  bind_engine_type(module);

  module.def("build", &build, py::arg("network"), py::kw_only(), py::arg("precision") = "fp32",
             py::arg("calibration") = std::shared_ptr<Calibration>(), py::arg("max_batch") = 1,
             py::arg("threads") = 0, py::arg("cpus") = std::vector<int>(), py::arg("pinning") = "auto",
             py::arg("isa") = py::none(), py::arg("winograd") = true, py::arg("pixel_input") = false,
             py::arg("memory_limit") = 0, Released(), kBuildDoc);
  module.def(
      "load_engine", &load_engine, py::arg("path"), py::kw_only(), py::arg("max_batch") = 0,
      py::arg("threads") = 0, py::arg("cpus") = std::vector<int>(), py::arg("pinning") = "auto",
      py::arg("memory_limit") = 0, Released(),
      "An engine that Engine.save() wrote, mapped into memory. max_batch 0: what it was built for; the "
      "rest as in build().");
  module.def("describe_machine", &describe, "CPU, instruction sets and why one cannot be used, threads.");
}

}  // namespace octet::python
