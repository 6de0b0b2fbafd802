// Runs ONNX's conformance cases on every instruction set of this machine: onnx_node_suite FOLDER... prints
// one line a case, "name TAB operator TAB passed|failed|not supported TAB reason". scripts/onnx-node-suite
// makes the folders from the `onnx` package and a table of these lines. Exit status 1 if a case failed.
//
// A case is a folder with model.onnx and test_data_set_*/{input,output}_*.pb. The suite gives weights as
// inputs of the network. Octet wants them constant, so where a network of inputs is not supported, it is
// tried once more with all inputs but the first as initializers. Values may differ by 1e-7 + 1e-3 of the
// value, as in ONNX's own runner.
#include <fmt/format.h>
#include <import/onnx/onnx.pb.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "import/onnx/onnx_importer.h"
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
};

Values read_values(const onnx::Tensor& tensor) {
  constexpr int kFloat = 1;
  if (tensor.data_type() != kFloat)
    throw NotSupported(
        fmt::format("values of element type {}; Octet's networks take and give float", tensor.data_type()));
  Values result{{tensor.dims().begin(), tensor.dims().end()}, {}};
  if (tensor.has_raw_data()) {
    result.values.resize(tensor.raw_data().size() / sizeof(float));
    std::memcpy(result.values.data(), tensor.raw_data().data(), result.values.size() * sizeof(float));
  } else {
    result.values.assign(tensor.float_data().begin(), tensor.float_data().end());
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
    if (!equal && !(std::abs(got[i] - value) <= 1e-7f + 1e-3f * std::abs(value)))
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

/// `constants`: how many of the last inputs become initializers.
void run_model(onnx::Model model, const DataSet& data, std::size_t constants) {
  const std::size_t variables = data.inputs.size() - constants;
  for (std::size_t i = variables; i < data.inputs.size(); ++i) {
    onnx::Tensor& initializer = *model.mutable_graph()->add_initializer();
    initializer = data.inputs[i];
    initializer.set_name(model.graph().input(static_cast<int>(i)).name());
  }
  const std::string bytes = model.SerializeAsString();
  const Network network(std::make_shared<const graph::Graph>(
      octet::onnx::import_onnx("model.onnx", std::as_bytes(std::span(bytes.data(), bytes.size())))));
  std::vector<Values> inputs, outputs;
  for (std::size_t i = 0; i < variables; ++i) inputs.push_back(read_values(data.inputs[i]));
  for (const onnx::Tensor& output : data.outputs) outputs.push_back(read_values(output));
  if (outputs.size() != network.outputs().size()) throw NotSupported("outputs that are left out");
  for (const IsaStatus& status : describe_machine().isas)
    if (status.usable) run_on(status.isa, network, inputs, outputs);
}

void run_data_set(const onnx::Model& model, const DataSet& data) {
  if (data.inputs.size() != static_cast<std::size_t>(model.graph().input_size()))
    throw NotSupported("inputs that are no tensors, or are left out");
  try {
    run_model(model, data, 0);
  } catch (const WrongResult&) {
    throw;
  } catch (const std::exception&) {
    if (data.inputs.size() < 2) throw;
    run_model(model, data, data.inputs.size() - 1);
  }
}

std::string operator_of(const onnx::Model& model) {
  if (model.graph().node_size() == 0) return "none";
  const std::string& first = model.graph().node(0).op_type();
  const auto& nodes = model.graph().node();
  const bool same =
      std::all_of(nodes.begin(), nodes.end(), [&](const auto& node) { return node.op_type() == first; });
  return same ? first : "several";
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
    op = operator_of(model);
    const std::vector<DataSet> sets = read_data_sets(folder);
    if (sets.empty()) throw NotSupported("no data");
    for (const DataSet& data : sets) run_data_set(model, data);
    print(name, op, "passed", "");
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
