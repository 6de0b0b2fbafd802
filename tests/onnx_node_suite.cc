// Runs ONNX's conformance cases on every instruction set of this machine: onnx_node_suite FOLDER... prints
// one line a case, "name TAB operators TAB passed|folded|failed|not supported TAB reason".
// scripts/onnx-node-suite makes the folders from the `onnx` package and a table of these lines. Exit status 1
// if a case failed.
//
// A case is a folder with model.onnx and test_data_set_*/{input,output}_*.pb. The suite gives weights as
// inputs of the network. Octet wants them constant, so where a network of inputs is not supported, it is
// tried once more with all inputs but the first as initializers, and then with all inputs: "folded" says that
// Octet computes the output at import. Such a network has no input, so its outputs are added to one of zeros.
//
// Values may differ by 1e-7 + 1e-3 of the value, as in ONNX's own runner; bfloat16 by its own rounding.
#include <fmt/format.h>
#include <import/onnx/onnx.pb.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "import/onnx/onnx_importer.h"
#include "import/onnx/onnx_model.h"
#include "import/onnx/tensor_data.h"
#include "octet/octet.h"

namespace octet {
namespace {

namespace fs = std::filesystem;

/// What a case asks for that Octet does not do.
struct NotSupported : std::runtime_error {
  using std::runtime_error::runtime_error;
};
struct WrongResult : std::runtime_error {
  using std::runtime_error::runtime_error;
};

template <class Message>
Message read_message(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  Message message;
  if (!message.ParseFromIstream(&file))
    throw Error(ErrorCode::kParse, fmt::format("{}: cannot be read", path.string()));
  return message;
}

struct Values {
  std::vector<std::int64_t> dims;
  std::vector<float> values;
  float tolerance = 1e-3f;  // part of a value
};

/// Of any element type that the importer reads.
Values read_values(const onnx::Tensor& tensor) {
  onnx::Model model;
  *model.mutable_graph()->add_initializer() = tensor;
  const std::string bytes = model.SerializeAsString();
  onnx::ModelFile file("values", std::as_bytes(std::span(bytes.data(), bytes.size())));
  const onnx::Constant constant = read_tensor(file, file.model().initializers[0], "values");
  Values result{constant.dims, {}};
  constexpr int kBFloat16 = 16;
  if (tensor.data_type() == kBFloat16)
    result.tolerance = 0x1p-8f;  // Octet computes in FP32 what is to be rounded
  if (constant.is_real()) {
    const std::span<const float> values = constant.real_values();
    result.values.assign(values.begin(), values.end());
  } else {
    for (const onnx::ShapeNumber number : constant.integers)
      result.values.push_back(static_cast<float>(number.value));
  }
  return result;
}

struct DataSet {
  std::vector<onnx::Tensor> inputs, outputs;
};

/// input_0.pb, input_1.pb, ...
std::vector<onnx::Tensor> read_tensors(const fs::path& folder, const char* kind) {
  std::vector<onnx::Tensor> tensors;
  for (;;) {
    const fs::path path = folder / fmt::format("{}_{}.pb", kind, tensors.size());
    if (!fs::exists(path)) return tensors;
    tensors.push_back(read_message<onnx::Tensor>(path));
  }
}

std::vector<DataSet> read_data_sets(const fs::path& folder) {
  std::vector<DataSet> sets;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (!entry.path().filename().string().starts_with("test_data_set_")) continue;
    sets.push_back({read_tensors(entry.path(), "input"), read_tensors(entry.path(), "output")});
  }
  return sets;
}

void expect_values(const Values& expected, const Shape& shape, int batch, const std::vector<float>& got) {
  std::vector<std::int64_t> dims = shape.dims();
  dims[0] = batch;
  if (dims != expected.dims)
    throw WrongResult(
        fmt::format("a shape of {}, expected {}", fmt::join(dims, "x"), fmt::join(expected.dims, "x")));
  for (std::size_t i = 0; i < got.size(); ++i) {
    const float value = expected.values[i];
    const bool equal = got[i] == value || (std::isnan(got[i]) && std::isnan(value));
    if (!equal && !(std::abs(got[i] - value) <= 1e-7f + expected.tolerance * std::abs(value)))
      throw WrongResult(fmt::format("{} at element {}, expected {}", got[i], i, value));
  }
}

void run_on(Isa isa, const Network& network, const std::vector<Values>& inputs,
            const std::vector<Values>& outputs) {
  if (inputs.empty() || inputs[0].dims.empty()) throw NotSupported("an input without a batch");
  const auto batch = static_cast<int>(inputs[0].dims[0]);
  BuildOptions options;
  options.isa = isa;
  options.max_batch = batch;
  options.threads = 1;
  const Engine engine = Engine::build(network, options);
  Context context = engine.create_context();
  std::vector<std::span<const float>> in;
  for (const Values& input : inputs) {
    if (input.dims.empty() || input.dims[0] != batch) throw NotSupported("inputs of different batches");
    in.emplace_back(input.values);
  }
  std::vector<std::vector<float>> results;
  for (const TensorInfo& tensor : engine.outputs())
    results.emplace_back(static_cast<std::size_t>(tensor.shape.elements_per_image() * batch));
  const std::vector<std::span<float>> out(results.begin(), results.end());
  context.run(batch, in, out);
  for (std::size_t i = 0; i < results.size(); ++i)
    expect_values(outputs[i], engine.outputs()[i].shape, batch, results[i]);
}

/// The inputs that a caller gives: before version 4 of the format, initializers stood among them too.
std::vector<std::string> variable_inputs(const onnx::Model& model) {
  std::vector<std::string> names;
  const auto& initializers = model.graph().initializer();
  for (const onnx::ValueInfo& input : model.graph().input()) {
    const auto is_it = [&](const onnx::Tensor& tensor) { return tensor.name() == input.name(); };
    if (std::none_of(initializers.begin(), initializers.end(), is_it)) names.push_back(input.name());
  }
  return names;
}

void run_on_all(const onnx::Model& model, const std::vector<Values>& inputs,
                const std::vector<Values>& outputs) {
  const std::string bytes = model.SerializeAsString();
  const Network network(std::make_shared<const graph::Graph>(
      onnx::import_onnx("model.onnx", std::as_bytes(std::span(bytes.data(), bytes.size())))));
  if (outputs.size() != network.outputs().size()) throw NotSupported("outputs that are left out");
  for (const IsaStatus& status : describe_machine().isas)
    if (status.usable) run_on(status.isa, network, inputs, outputs);
}

std::vector<Values> values_of(std::span<const onnx::Tensor> tensors) {
  std::vector<Values> result;
  for (const onnx::Tensor& tensor : tensors) result.push_back(read_values(tensor));
  return result;
}

/// Inputs from `first_constant` on become initializers.
onnx::Model with_constants(onnx::Model model, const DataSet& data, std::size_t first_constant) {
  const std::vector<std::string> names = variable_inputs(model);
  for (std::size_t i = first_constant; i < names.size(); ++i) {
    onnx::Tensor& initializer = *model.mutable_graph()->add_initializer();
    initializer = data.inputs[i];
    initializer.set_name(names[i]);
  }
  return model;
}

onnx::Node& add_node(onnx::Graph& graph, const char* op, std::vector<std::string> inputs,
                     const std::string& output) {
  onnx::Node& node = *graph.add_node();
  node.set_op_type(op);
  for (std::string& input : inputs) node.add_input(std::move(input));
  node.add_output(output);
  return node;
}

void add_integers(onnx::Graph& graph, const std::string& name, std::initializer_list<std::int64_t> values) {
  constexpr int kInt64 = 7;
  onnx::Tensor& tensor = *graph.add_initializer();
  tensor.set_name(name);
  tensor.set_data_type(kInt64);
  tensor.add_dims(static_cast<std::int64_t>(values.size()));
  for (const std::int64_t value : values) tensor.add_int64_data(value);
}

/// Makes `name`, an output of the network, real: the integers of a QuantizeLinear by the operator that reads
/// them, whose scale of 1 leaves them as they are.
void add_real(onnx::Graph& graph, const std::string& name, const std::string& result) {
  constexpr int kFloat = 1;
  const auto writes = [&](const onnx::Node& node) {
    return node.output_size() > 0 && node.output(0) == name;
  };
  const auto writer = std::find_if(graph.node().begin(), graph.node().end(), writes);
  if (writer != graph.node().end() && writer->op_type() == "QuantizeLinear") {
    onnx::Tensor& one = *graph.add_initializer();
    one.set_name(result + ".one");
    one.set_data_type(kFloat);
    one.add_float_data(1);
    add_node(graph, "DequantizeLinear", {name, one.name()}, result);
    return;
  }
  onnx::Attribute& to = *add_node(graph, "Cast", {name}, result).add_attribute();
  to.set_name("to");
  to.set_i(kFloat);
  to.set_type(onnx::Attribute::INT);
}

/// All inputs are constants, and each output, as a row, is added to an input of zeros.
void run_folded(const onnx::Model& original, const DataSet& data) {
  constexpr int kFloat = 1;
  onnx::Model model = with_constants(original, data, 0);
  onnx::Graph& graph = *model.mutable_graph();
  std::vector<Values> zeros, outputs = values_of(data.outputs);
  graph.clear_input();
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    Values& output = outputs[i];
    const std::string name = graph.output(static_cast<int>(i)).name(), part = fmt::format("suite.{}.", i);
    const auto elements = static_cast<std::int64_t>(output.values.size());
    output.dims = {1, elements};
    zeros.push_back({output.dims, std::vector<float>(output.values.size())});
    onnx::ValueInfo& input = *graph.add_input();
    input.set_name(part + "zeros");
    input.mutable_type()->mutable_tensor_type()->set_elem_type(kFloat);
    for (const std::int64_t dim : output.dims)
      input.mutable_type()->mutable_tensor_type()->mutable_shape()->add_dim()->set_dim_value(dim);
    add_real(graph, name, part + "real");
    add_integers(graph, part + "shape", {1, elements});
    add_node(graph, "Reshape", {part + "real", part + "shape"}, part + "row");
    add_node(graph, "Add", {part + "zeros", part + "row"}, part + "sum");
    graph.mutable_output(static_cast<int>(i))->set_name(part + "sum");
  }
  run_on_all(model, zeros, outputs);
}

/// Calls `attempt`; whether it was supported, and why not.
template <class Attempt>
bool is_supported(Attempt&& attempt, std::string& reason) {
  try {
    attempt();
    return true;
  } catch (const WrongResult&) {
    throw;
  } catch (const std::exception& error) {  // Error, NotSupported
    reason = error.what();
    return false;
  }
}

/// True if it was computed at import.
bool run_data_set(const onnx::Model& model, const DataSet& data) {
  if (data.inputs.size() != variable_inputs(model).size())
    throw NotSupported("inputs or outputs that are no tensors, or are left out");
  std::string reason, ignored;
  for (const std::size_t variables : {data.inputs.size(), std::size_t{1}}) {
    const auto attempt = [&] {
      run_on_all(with_constants(model, data, variables), values_of(std::span(data.inputs).first(variables)),
                 values_of(data.outputs));
    };
    if (variables <= data.inputs.size() && is_supported(attempt, reason)) return false;
  }
  if (is_supported([&] { run_folded(model, data); }, ignored)) return true;
  throw NotSupported(reason);
}

/// Each operator once: "Conv", "Cast+Relu".
std::string operators_of(const onnx::Model& model) {
  std::set<std::string> names;
  for (const onnx::Node& node : model.graph().node()) names.insert(node.op_type());
  return fmt::format("{}", fmt::join(names, "+"));
}

/// One line of the report, without tabs and line ends of its own.
void print(const std::string& name, const std::string& op, const char* result, std::string reason) {
  std::replace_if(
      reason.begin(), reason.end(), [](char c) { return c == '\t' || c == '\n'; }, ' ');
  fmt::print("{}\t{}\t{}\t{}\n", name, op, result, reason);
}

/// True unless it failed.
bool run_case(const fs::path& folder) {
  const std::string name = folder.filename().string();
  std::string op = "none";
  try {
    const auto model = read_message<onnx::Model>(folder / "model.onnx");
    op = operators_of(model);
    const std::vector<DataSet> sets = read_data_sets(folder);
    if (sets.empty()) throw NotSupported("no data");
    bool folded = false;
    for (const DataSet& data : sets) folded |= run_data_set(model, data);
    print(name, op, folded ? "folded" : "passed", "");
  } catch (const WrongResult& error) {
    print(name, op, "failed", error.what());
    return false;
  } catch (const std::exception& error) {  // Error, NotSupported
    print(name, op, "not supported", error.what());
  }
  return true;
}

int run_all(std::span<char* const> roots) {
  bool right = true;
  for (const char* root : roots) {
    std::vector<fs::path> cases;
    for (const fs::directory_entry& entry : fs::directory_iterator(root))
      if (fs::exists(entry.path() / "model.onnx")) cases.push_back(entry.path());
    std::sort(cases.begin(), cases.end());
    for (const fs::path& folder : cases) right &= run_case(folder);
  }
  return right ? 0 : 1;
}

}  // namespace
}  // namespace octet

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "onnx_node_suite FOLDER...: expected folders of cases\n");
    return 2;
  }
  try {
    return octet::run_all(std::span(argv + 1, static_cast<std::size_t>(argc - 1)));
  } catch (const std::exception& error) {
    fmt::print(stderr, "onnx_node_suite: {}\n", error.what());
    return 2;
  }
}
