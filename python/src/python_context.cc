#include "python_context.h"

#include <algorithm>
#include <string>
#include <utility>

#include "octet/error.h"

namespace octet::python {
namespace {

/// For the time of a run; throws where another thread is in one.
class Use {
 public:
  explicit Use(std::atomic<bool>& in_use) : in_use_(in_use) {
    if (in_use_.exchange(true))
      throw Error(ErrorCode::kInvalidArgument,
                  "this context is running in another thread; each thread needs one of its own "
                  "(Engine.create_context)");
  }
  ~Use() { in_use_ = false; }
  Use(const Use&) = delete;
  Use& operator=(const Use&) = delete;

 private:
  std::atomic<bool>& in_use_;
};

std::vector<Wanted> wanted_of(const std::vector<TensorInfo>& infos, const char* what, bool pixels) {
  std::vector<Wanted> all;
  for (const TensorInfo& info : infos) {
    std::vector<std::int64_t> dims(info.shape.dims().begin() + 1, info.shape.dims().end());
    if (pixels) std::rotate(dims.begin(), dims.begin() + 1, dims.end());  // C H W -> H W C
    all.push_back({std::string(what) + " '" + info.name + "'", std::move(dims)});
  }
  return all;
}

/// One array, or a list or tuple of as many as there are tensors.
std::vector<py::array> arrays_of(const py::object& given, std::size_t count, const char* what) {
  std::vector<py::array> arrays;
  const auto add = [&](py::handle one) {
    if (!py::isinstance<py::array>(one))
      throw Error(ErrorCode::kInvalidArgument, std::string(what) + ": expected NumPy arrays, got " +
                                                   py::str(py::type::of(one)).cast<std::string>());
    arrays.push_back(py::reinterpret_borrow<py::array>(one));
  };
  if (py::isinstance<py::list>(given) || py::isinstance<py::tuple>(given))
    for (const py::handle one : given) add(one);
  else
    add(given);
  if (arrays.size() != count)
    throw Error(ErrorCode::kInvalidArgument, std::string(what) + ": expected " + std::to_string(count) +
                                                 " arrays, got " + std::to_string(arrays.size()));
  return arrays;
}

/// The engine may write an output before it has read all inputs.
void check_apart(const py::array& output, const Wanted& wanted, const std::vector<py::array>& others) {
  const auto memory = [](const py::array& array) {
    return std::span(static_cast<const std::byte*>(array.data()), static_cast<std::size_t>(array.nbytes()));
  };
  for (const py::array& other : others)
    if (overlap(memory(output), memory(other)))
      throw Error(ErrorCode::kInvalidArgument,
                  wanted.name + ": its memory is also that of an input or of another output");
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

struct PythonContext::Bound {
  int batch = 0;
  std::vector<py::array> holders;  // keep the memory
  std::vector<std::span<const float>> inputs;
  std::span<const std::uint8_t> pixels;
  std::vector<std::span<float>> outputs;
  py::object result;
};

PythonContext::PythonContext(const Engine& engine)
    : engine_(engine),
      context_(engine.create_context()),
      inputs_(wanted_of(engine.inputs(), "input", engine.pixel_input())),
      outputs_(wanted_of(engine.outputs(), "output", false)) {}

PythonContext::Bound PythonContext::bind(const py::object& inputs, const py::object& out) const {
  Bound bound;
  bound.holders = arrays_of(inputs, inputs_.size(), "inputs");
  bound.batch = batch_of(bound.holders[0], inputs_[0]);
  if (bound.batch < 1 || bound.batch > engine_.max_batch())
    throw Error(ErrorCode::kInvalidArgument, "a batch of " + std::to_string(bound.batch) +
                                                 " came, this engine takes 1 to " +
                                                 std::to_string(engine_.max_batch()));
  for (std::size_t i = 0; i < inputs_.size(); ++i)
    if (engine_.pixel_input())
      bound.pixels = bytes(bound.holders[i], inputs_[i], bound.batch);
    else
      bound.inputs.push_back(floats(bound.holders[i], inputs_[i], bound.batch));

  std::vector<py::array> outputs;
  if (out.is_none())
    for (const Wanted& wanted : outputs_) outputs.push_back(new_floats(wanted, bound.batch));
  else
    outputs = arrays_of(out, outputs_.size(), "out");
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    bound.outputs.push_back(writable_floats(outputs[i], outputs_[i], bound.batch));
    check_apart(outputs[i], outputs_[i], bound.holders);
    bound.holders.push_back(outputs[i]);
  }
  if (!out.is_none()) {
    bound.result = out;
  } else if (outputs.size() == 1) {
    bound.result = outputs[0];
  } else {
    py::list all;
    for (const py::array& output : outputs) all.append(output);
    bound.result = all;
  }
  return bound;
}

void PythonContext::run_bound(const Bound& bound) {
  if (engine_.pixel_input())
    context_.run(bound.batch, bound.pixels, bound.outputs[0]);
  else
    context_.run(bound.batch, bound.inputs, bound.outputs);
}

py::object PythonContext::run(const py::object& inputs, const py::object& out) {
  const Bound bound = bind(inputs, out);
  {
    const Use use(in_use_);
    const py::gil_scoped_release released;
    run_bound(bound);
  }
  return bound.result;
}

py::list PythonContext::profile(const py::object& inputs, int iterations) {
  if (iterations < 1)
    throw Error(ErrorCode::kInvalidArgument,
                "iterations: expected 1 or more, got " + std::to_string(iterations));
  if (engine_.pixel_input())
    throw Error(ErrorCode::kUnsupported,
                "profile: an engine that takes pixels is not timed; build it without pixel_input");
  const Bound bound = bind(inputs, py::none());
  const std::vector<StepInfo> steps = engine_.steps();
  std::vector<std::vector<double>> busy(steps.size()), waiting(steps.size());
  {
    const Use use(in_use_);
    const py::gil_scoped_release released;
    std::vector<StepTime> times;
    run_bound(bound);  // the first one brings weights and code into the caches
    for (int i = 0; i < iterations; ++i) {
      context_.run_timed(bound.batch, bound.inputs, bound.outputs, times);
      for (std::size_t step = 0; step < steps.size(); ++step) {
        busy[step].push_back(times[step].busy_ms / engine_.threads());
        waiting[step].push_back(times[step].wait_ms / engine_.threads());
      }
    }
  }
  py::list rows;
  for (std::size_t step = 0; step < steps.size(); ++step) {
    const double ms = median(busy[step]);
    const double operations = 2.0 * static_cast<double>(steps[step].macs) * bound.batch;
    py::dict row;
    row["layer"] = steps[step].layer;
    row["op"] = steps[step].op;
    row["kernel"] = steps[step].kernel;
    row["ms"] = ms;
    row["wait_ms"] = median(waiting[step]);
    row["macs"] = steps[step].macs;
    row["gops"] = ms > 0 ? operations / (ms * 1e6) : 0.0;
    row["weight_bytes"] = steps[step].weight_bytes;
    rows.append(row);
  }
  return rows;
}

}  // namespace octet::python
