// octet inspect: a network's layers, and what the engine made of them.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <optional>

#include "octet/error.h"
#include "tools/octet/calibration_report.h"
#include "tools/octet/command.h"
#include "tools/octet/common_options.h"
#include "tools/octet/saved_engine.h"
#include "tools/support/json_output.h"
#include "tools/support/table.h"

namespace octet::tools {
namespace {

struct InspectArguments {
  NetworkOptions network;
  EngineOptions engine;
  OutputOptions output;
  bool passes = false;
  bool plan = false;
  bool memory = false;
};

struct Totals {
  std::int64_t macs = 0;
  std::int64_t params = 0;
};

Totals totals_of(const std::vector<LayerInfo>& layers) {
  Totals totals;
  for (const LayerInfo& layer : layers) {
    totals.macs += layer.macs;
    totals.params += layer.params;
  }
  return totals;
}

Json layers_to_json(const std::vector<LayerInfo>& layers) {
  Json list = Json::array();
  for (const LayerInfo& layer : layers)
    list.push_back({{"name", layer.name},
                    {"op", layer.op},
                    {"attributes", layer.attributes},
                    {"inputs", layer.inputs},
                    {"outputs", layer.outputs},
                    {"output_shape", tools::to_json(layer.output_shape)},
                    {"macs", layer.macs},
                    {"params", layer.params},
                    {"origin", {{"file", layer.origin.file}, {"line", layer.origin.line}}}});
  return list;
}

void print_layers(const Network& network) {
  const std::vector<LayerInfo> layers = network.layers();
  Table table({{"layer"}, {"op"}, {"attributes"}, {"output"}, {"MACs", kRight}, {"parameters", kRight}});
  for (const LayerInfo& layer : layers)
    table.add_row({layer.name, layer.op, layer.attributes, layer.output_shape.to_string(),
                   with_separators(layer.macs), with_separators(layer.params)});
  const Totals totals = totals_of(layers);
  table.add_row({"total", fmt::format("{} layers", layers.size()), "", "", with_separators(totals.macs),
                 with_separators(totals.params)});
  fmt::print("{}  {}{}\n\n", network.name(), network.hash(),
             network.synthetic_weights() ? "  (synthetic weights)" : "");
  table.print();
}

int integer_layers(const Calibration& own) {
  return static_cast<int>(std::count_if(own.layers.begin(), own.layers.end(), [](const LayerCalibration& l) {
    return l.precision == Precision::kInt8;
  }));
}

void print_own_scales(const Network& network) {
  if (network.calibration() == nullptr) return;
  const Calibration& own = *network.calibration();
  fmt::print("\nquantised: brings scales of its own for {} tensors; {} of {} layers with weights are INT8\n",
             own.tensors.size(), integer_layers(own), own.layers.size());
  for (const LayerCalibration& layer : own.layers)
    if (!layer.reason.empty())
      fmt::print("  {}: {}, {}\n", printable(layer.name), to_string(layer.precision),
                 printable(layer.reason));
}

Json tensors_to_json(const std::vector<TensorInfo>& tensors) {
  Json list = Json::array();
  for (const TensorInfo& tensor : tensors)
    list.push_back({{"name", tensor.name}, {"shape", tools::to_json(tensor.shape)}});
  return list;
}

Json passes_to_json(const std::vector<PassReport>& passes) {
  Json list = Json::array();
  for (const PassReport& pass : passes)
    list.push_back({{"name", pass.name},
                    {"enabled", pass.enabled},
                    {"changes", pass.changes},
                    {"milliseconds", pass.milliseconds}});
  return list;
}

void print_passes(const std::vector<PassReport>& passes) {
  Table table({{"pass"}, {"changes", kRight}, {"ms", kRight}});
  for (const PassReport& pass : passes)
    table.add_row({pass.name, pass.enabled ? fmt::format("{}", pass.changes) : "off",
                   fmt::format("{:.2f}", pass.milliseconds)});
  fmt::print("\n");
  table.print();
}

Json plan_to_json(const std::vector<StepInfo>& steps) {
  Json list = Json::array();
  for (const StepInfo& step : steps)
    list.push_back({{"layer", step.layer},
                    {"op", step.op},
                    {"kernel", step.kernel},
                    {"output_layout", step.output_layout},
                    {"output_type", step.output_type},
                    {"output_scale", step.output_scale},
                    {"output_zero_point", step.output_zero_point},
                    {"output_shape", tools::to_json(step.output_shape)},
                    {"macs", step.macs},
                    {"input_bytes", step.input_bytes},
                    {"output_bytes", step.output_bytes},
                    {"weight_bytes", step.weight_bytes},
                    {"images_per_group", step.images_per_group}});
  return list;
}

void print_plan(const Engine& engine) {
  Table table({{"step", kRight},
               {"layer"},
               {"kernel"},
               {"layout"},
               {"type"},
               {"output"},
               {"MACs", kRight},
               {"read", kRight},
               {"written", kRight},
               {"weights", kRight},
               {"group", kRight}});
  int number = 0;
  for (const StepInfo& step : engine.steps())
    table.add_row({fmt::format("{}", ++number), step.layer, step.kernel, step.output_layout, step.output_type,
                   step.output_shape.to_string(), with_separators(step.macs),
                   format_bytes(static_cast<std::uint64_t>(step.input_bytes)),
                   format_bytes(static_cast<std::uint64_t>(step.output_bytes)),
                   format_bytes(static_cast<std::uint64_t>(step.weight_bytes)),
                   fmt::format("{}", step.images_per_group)});
  fmt::print("\nplan {} for {}, batch {}, {} threads (bytes and MACs of one image)\n", engine.hash(),
             engine.target(), engine.max_batch(), engine.threads());
  table.print();
}

Json memory_to_json(const MemoryInfo& memory) {
  return {{"weight_bytes", memory.weight_bytes},
          {"arena_bytes", memory.arena_bytes},
          {"total_bytes", memory.total()},
          {"device_bytes", memory.device_bytes}};
}

void print_memory(const Engine& engine) {
  const MemoryInfo memory = engine.memory();
  fmt::print("\nmemory at batch {}: {} = {} packed weights + {} activations and scratch\n",
             engine.max_batch(), format_bytes(memory.total()), format_bytes(memory.weight_bytes),
             format_bytes(memory.arena_bytes));
  if (memory.device_bytes > 0)
    fmt::print("on {}: {} = packed weights, activations, scratch, inputs and outputs; above is the host's\n",
               to_string(engine.device()), format_bytes(memory.device_bytes));
}

/// `octet inspect --passes` without a network.
int list_all_passes(const InspectArguments& options) {
  if (options.output.json()) {
    Json list = Json::array();
    for (const PassInfo& pass : list_passes())
      list.push_back({{"name", pass.name}, {"description", pass.description}});
    print_json({{"passes", std::move(list)}});
    return 0;
  }
  Table table({{"pass"}, {"what it does"}});
  for (const PassInfo& pass : list_passes()) table.add_row({pass.name, pass.description});
  table.print();
  return 0;
}

/// A saved engine has no layers left to show: what it is and its plan are all there is.
int inspect_engine(const InspectArguments& options) {
  const Engine engine = load_engine(options.network, options.engine);
  const char* input_type = engine.pixel_input() ? "u8" : "fp32";
  if (options.output.json()) {
    print_json({{"file", options.network.net},
                {"network", engine.network_name()},
                {"precision", to_string(engine.precision())},
                {"isa", engine.target()},
                {"batch", engine.max_batch()},
                {"threads", engine.threads()},
                {"input_type", input_type},
                {"engine_hash", engine.hash()},
                {"notes", engine.notes()},
                {"inputs", tensors_to_json(engine.inputs())},
                {"outputs", tensors_to_json(engine.outputs())},
                {"passes", passes_to_json(engine.passes())},
                {"plan", plan_to_json(engine.steps())},
                {"memory", memory_to_json(engine.memory())}});
    return 0;
  }
  fmt::print("{}: {}, {}, input {}\n", options.network.net, engine.network_name(),
             to_string(engine.precision()), input_type);
  for (const auto& [name, text] : engine.notes()) fmt::print("  {}: {}\n", printable(name), printable(text));
  for (const TensorInfo& tensor : engine.inputs())
    fmt::print("  input '{}': {}\n", tensor.name, tensor.shape.to_string());
  for (const TensorInfo& tensor : engine.outputs())
    fmt::print("  output '{}': {}\n", tensor.name, tensor.shape.to_string());
  if (options.passes) print_passes(engine.passes());
  print_plan(engine);
  print_memory(engine);
  return 0;
}

int run(const InspectArguments& options) {
  if (options.network.net.empty()) {
    if (options.passes) return list_all_passes(options);
    throw Error(ErrorCode::kInvalidArgument, "NET is required ('octet inspect --help' shows the options)");
  }
  if (is_saved_engine(options.network.net)) return inspect_engine(options);
  const Network network = open_network(options.network, memory_limit_of(options.engine));
  UsedCalibration calibration;
  if (!options.engine.calibration.empty())
    calibration = load_calibration(options.engine.calibration, network, "", options.engine.force);
  std::optional<Engine> engine;
  if (options.passes || options.plan || options.memory) {
    const bool calibrated = needs_calibration(parse_precision(options.engine.precision));
    if (calibrated && calibration.calibration == nullptr)
      calibration = find_calibration(network, options.engine, options.network.seed);
    engine = build_engine(network, options.engine, calibrated ? calibration : UsedCalibration{});
  }
  if (options.output.json()) {
    const std::vector<LayerInfo> layers = network.layers();
    const Totals totals = totals_of(layers);
    Json document = {
        {"network", network.name()},
        {"hash", network.hash()},
        {"synthetic_weights", network.synthetic_weights()},
        {"inputs", tensors_to_json(network.inputs())},
        {"outputs", tensors_to_json(network.outputs())},
        {"layers", layers_to_json(layers)},
        {"totals", {{"layers", layers.size()}, {"macs", totals.macs}, {"params", totals.params}}}};
    if (const auto& own = network.calibration())
      document["own_scales"] = {{"tensors", own->tensors.size()},
                                {"layers", own->layers.size()},
                                {"int8_layers", integer_layers(*own)}};
    if (calibration.calibration != nullptr)
      document["calibration"] = report_to_json(*calibration.calibration, true);
    if (options.passes) document["passes"] = passes_to_json(engine->passes());
    if (options.plan) document["plan"] = plan_to_json(engine->steps());
    if (options.memory) document["memory"] = memory_to_json(engine->memory());
    print_json(document);
    return 0;
  }
  print_layers(network);
  print_own_scales(network);
  if (options.passes) print_passes(engine->passes());
  if (options.plan) print_plan(*engine);
  if (options.memory) print_memory(*engine);
  if (calibration.calibration != nullptr) {
    fmt::print("\n");
    print_report(*calibration.calibration, true);
  }
  return 0;
}

}  // namespace

void add_inspect(CLI::App& program, Run& selected) {
  auto options = std::make_shared<InspectArguments>();
  CLI::App* command = program.add_subcommand(
      "inspect", "layers, shapes, MACs, parameters; passes, plan, memory, calibration");
  add_network_options(*command, options->network)->required(false);
  command->add_flag("--passes", options->passes,
                    "what each optimisation pass changed; without NET, the list");
  command->add_flag("--plan", options->plan, "the kernel calls that the engine makes");
  command->add_flag("--memory", options->memory, "bytes of packed weights and activations");
  add_engine_options(*command, options->engine);
  add_output_options(*command, options->output);
  command->footer(
      "--calibration shows what a calibration file holds: each tensor's values as bars, its threshold and "
      "the\n"
      "share of values beyond it, each layer's precision, signal-to-noise ratio, and why it is not INT8.\n\n"
      "Of a saved engine (octet build) in place of NET it shows what it is, its plan and its memory.\n\n"
      "Example:\n  octet inspect resnet-50 --plan --batch 8");
  command->callback([options, &selected] { selected = [options] { return run(*options); }; });
}

}  // namespace octet::tools
