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

}  // namespace

void bind_engine(py::module_& module) {
  using Released = py::call_guard<py::gil_scoped_release>;

  py::class_<Engine>(module, "Engine",
                     "A network made ready for this machine; immutable, shared between threads.")
      .def_property_readonly("network_name", &Engine::network_name)
      .def_property_readonly("precision", [](const Engine& engine) { return to_string(engine.precision()); })
      .def_property_readonly("isa", [](const Engine& engine) { return to_string(engine.isa()); })
      .def_property_readonly("max_batch", &Engine::max_batch)
      .def_property_readonly("threads", &Engine::threads)
      .def_property_readonly("pixel_input", &Engine::pixel_input)
      .def_property_readonly("inputs", &Engine::inputs)
      .def_property_readonly("outputs", &Engine::outputs)
      .def_property_readonly("memory", &memory_of)
      .def_property_readonly("notes", &Engine::notes)
      .def("steps", &step_rows, "One dict a kernel call of the plan.")
      .def("passes", &pass_rows, "One dict an optimisation pass: what it did.")
      .def("hash", &Engine::hash, Released(), "16 hex digits over the plan and the packed weights.")
      .def("save", &Engine::save, py::arg("path"), py::arg("notes") = EngineNotes(), Released(),
           "Writes a file that load_engine() maps.")
      .def(
          "create_context", [](const Engine& engine) { return std::make_unique<PythonContext>(engine); },
          Released(), "One caller's memory on this engine; one for each thread.");

  py::class_<PythonContext>(module, "Context", "Runs an engine; one thread at a time.")
      .def("run", &PythonContext::run, py::arg("inputs"), py::arg("out") = py::none())
      .def("profile", &PythonContext::profile, py::arg("inputs"), py::kw_only(), py::arg("iterations") = 10,
           "Runs the engine and returns one dict a step: median ms (of all threads, by their number), "
           "billions of operations "
           "a second, and the rest of what steps() says.");

  module.def("build", &build, py::arg("network"), py::kw_only(), py::arg("precision") = "fp32",
             py::arg("calibration") = std::shared_ptr<Calibration>(), py::arg("max_batch") = 1,
             py::arg("threads") = 0, py::arg("cpus") = std::vector<int>(), py::arg("pinning") = "auto",
             py::arg("isa") = py::none(), py::arg("winograd") = true, py::arg("pixel_input") = false,
             py::arg("memory_limit") = 0, Released());
  module.def("load_engine", &load_engine, py::arg("path"), py::kw_only(), py::arg("max_batch") = 0,
             py::arg("threads") = 0, py::arg("cpus") = std::vector<int>(), py::arg("pinning") = "auto",
             py::arg("memory_limit") = 0, Released());
  module.def("describe_machine", &describe, "CPU, instruction sets and why one cannot be used, threads.");
}

}  // namespace octet::python
