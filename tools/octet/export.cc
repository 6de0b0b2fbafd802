// octet export: the network as an ONNX file.
#include "octet/export.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "octet/error.h"
#include "tools/octet/command.h"
#include "tools/octet/common_options.h"

namespace octet::tools {
namespace {

struct ExportArguments {
  NetworkOptions network;
  std::string output;
};

int run(const ExportArguments& options) {
  if (!options.output.ends_with(".onnx"))
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("--output: expected a name ending in .onnx, got '{}'", options.output));
  export_onnx(open_network(options.network), options.output);
  return 0;
}

}  // namespace

void add_export(CLI::App& program, Run& selected) {
  auto options = std::make_shared<ExportArguments>();
  CLI::App* command =
      program.add_subcommand("export", "the network as an ONNX file (FP32), for other engines");
  add_network_options(*command, options->network);
  command->add_option("-o,--output", options->output, "where it goes")->type_name("F.onnx")->required();
  command->footer("Example:\n  octet export resnet-50 -o resnet-50.onnx");
  command->callback([options, &selected] { selected = [options] { return run(*options); }; });
}

}  // namespace octet::tools
