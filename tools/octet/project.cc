// octet project: what a network would do on a device that is not here.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "lab/project/projection.h"
#include "octet/error.h"
#include "tools/octet/command.h"
#include "tools/octet/common_options.h"
#include "tools/support/json_output.h"
#include "tools/support/table.h"

namespace octet::tools {
namespace {

struct ProjectArguments {
  NetworkOptions network;
  OutputOptions output;
  std::string target;
  std::string precision = "int8";
  std::vector<int> batches = {1, 32, 64, 128, 256, 512, 1024, 2048, 4096};
  std::vector<int> devices = {1};
  bool layers = false;
};

/// Of one row that fits.
void print_layers(const Json& row, bool kernels) {
  fmt::print("\nbatch {}, layer by layer:\n", row.at("batch").get<int>());
  std::vector<Table::Column> columns{{"layer", Table::Align::kLeft}, {"projected ms", Table::Align::kRight}};
  if (kernels)
    for (const char* head : {"compute", "memory", "launch", "useful", "rounds filled", "blocks"})
      columns.push_back({head, Table::Align::kRight});
  if (kernels) columns.push_back({"kernel", Table::Align::kLeft});
  Table table(columns);
  const auto ms = [](const Json& layer, const char* key) {
    return fmt::format("{:.3f}", layer.at(key).get<double>());
  };
  const auto percent = [](const Json& layer, const char* key) {
    return fmt::format("{:.0f} %", 100 * layer.at(key).get<double>());
  };
  for (const Json& layer : row.at("layers")) {
    std::vector<std::string> cells{layer.at("layer").get<std::string>(), ms(layer, "ms")};
    if (kernels)
      cells.insert(cells.end(), {ms(layer, "compute_ms"), ms(layer, "memory_ms"), ms(layer, "launch_ms"),
                                 percent(layer, "useful"), percent(layer, "rounds_filled"),
                                 fmt::to_string(layer.at("blocks").get<std::int64_t>()),
                                 layer.at("kernel").get<std::string>()});
    table.add_row(cells);
  }
  table.print();
}

void print_text(const Json& projection, const lab::DeviceModel& device) {
  fmt::print("{}, {}, projected for {}: not measured (docs/projection.md)\n\n",
             projection.at("network").get<std::string>(), projection.at("precision").get<std::string>(),
             device.label);
  Table table({{"devices", Table::Align::kRight},
               {"batch", Table::Align::kRight},
               {"projected images/s", Table::Align::kRight},
               {"ms a batch", Table::Align::kRight},
               {"memory", Table::Align::kRight}});
  for (const Json& row : projection.at("rows")) {
    const std::string devices = fmt::to_string(row.at("devices").get<int>());
    const std::string batch = fmt::to_string(row.at("batch").get<int>());
    const std::string memory = format_bytes(row.at("needed_bytes").get<std::uint64_t>());
    if (row.at("fits").get<bool>())
      table.add_row({devices, batch, fmt::format("{:.0f}", row.at("images_per_second").get<double>()),
                     fmt::format("{:.2f}", row.at("latency_ms").get<double>()), memory});
    else
      table.add_row({devices, batch, "does not fit", "", memory});
  }
  table.print();
  const bool kernels = projection.at("model") == "kernels";
  for (const Json& row : projection.at("rows"))
    if (row.contains("layers") && row.at("devices") == projection.at("rows")[0].at("devices"))
      print_layers(row, kernels);
  fmt::print("\nmemory of a device: {}. Numbers: {}.\n", format_bytes(device.memory_bytes), device.source);
  if (kernels) fmt::print("Times: a bound of Octet's own kernels there, nothing of them fitted.\n");
}

int run(const ProjectArguments& options) {
  const lab::DeviceModel device = lab::find_device(options.target);
  const Precision precision = parse_precision(options.precision);
  const Json projection = lab::project(open_network(options.network), device, options.batches,
                                       options.devices, precision, options.layers);
  if (options.output.json())
    print_json(projection);
  else
    print_text(projection, device);
  return 0;
}

}  // namespace

void add_project(CLI::App& program, Run& selected) {
  auto options = std::make_shared<ProjectArguments>();
  CLI::App* command =
      program.add_subcommand("project", "what a network would do on a device that is not here: a model");
  add_network_options(*command, options->network);
  std::string names;
  for (const lab::DeviceModel& device : lab::known_devices()) names += device.name + ", ";
  command->add_option("--target", options->target, names + "or a device file")
      ->type_name("NAME|FILE.json")
      ->required();
  command->add_option("--precision", options->precision, "fp32, int8, or what the device file has")
      ->type_name("NAME");
  command->add_option("--batches", options->batches, "images a call, for each device")
      ->type_name("N,N,...")
      ->delimiter(',');
  command->add_option("--devices", options->devices, "devices of one server")
      ->type_name("N,N,...")
      ->delimiter(',');
  command->add_flag("--layers", options->layers, "also what each layer takes, for each batch");
  add_output_options(*command, options->output);
  command->footer(
      "All figures are projected, not measured: docs/projection.md has the model, its parameters and its "
      "errors,\n"
      "and the keys of a device file (start from the member \"device\" of --format json).\n\n"
      "Example:\n  octet project googlenet --target tesla-p40 --devices 1,2,4");
  command->callback([options, &selected] { selected = [options] { return run(*options); }; });
}

}  // namespace octet::tools
