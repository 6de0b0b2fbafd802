// octet export: the network as an ONNX file, in FP32 or in integers, and a calibration as TensorRT keeps it.
#include "octet/export.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "octet/error.h"
#include "tools/octet/bench_system.h"
#include "tools/octet/command.h"
#include "tools/octet/common_options.h"

namespace octet::tools {
namespace {

struct ExportArguments {
  NetworkOptions network;
  std::string precision;
  std::string calibration;
  std::string input_type = "fp32";
  bool force = false;
  std::string output;
  std::string tensorrt_cache;
  int tensorrt_version = 8601;
};

/// TensorRT takes its cache beside the network in FP32.
Precision settle_precision(const ExportArguments& options) {
  if (!options.precision.empty()) return parse_precision(options.precision);
  return options.calibration.empty() || !options.tensorrt_cache.empty() ? Precision::kFloat32
                                                                        : Precision::kInt8;
}

void check(const ExportArguments& options, Precision precision) {
  const auto fail = [](const std::string& message) { throw Error(ErrorCode::kInvalidArgument, message); };
  if (options.output.empty() && options.tensorrt_cache.empty())
    fail("expected -o FILE.onnx or --tensorrt-cache FILE, got neither");
  if (!options.output.empty() && !options.output.ends_with(".onnx"))
    fail(fmt::format("--output: expected a name ending in .onnx, got '{}'", options.output));
  const bool integers = precision == Precision::kInt8 || precision == Precision::kMixed;
  if (!integers && precision != Precision::kFloat32)
    fail(fmt::format("--precision: expected fp32, int8 or mixed, got {}: ONNX's integers have 8 bits",
                     options.precision));
  if (integers && options.output.empty())
    fail(fmt::format("--precision {} is of the ONNX file: expected -o FILE.onnx", options.precision));
  if (!options.calibration.empty() && !integers && options.tensorrt_cache.empty())
    fail("--calibration: --precision fp32 has no use for one; expected int8 or mixed, or --tensorrt-cache");
}

/// The file's; without one the network's own.
UsedCalibration find_scales(const ExportArguments& options, const Network& network, Precision precision) {
  if (!options.calibration.empty()) return load_calibration(options.calibration, network, "", options.force);
  if (precision == Precision::kFloat32 && options.tensorrt_cache.empty()) return {};
  if (network.calibration() == nullptr)
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: expected --calibration FILE with the scales (octet calibrate writes one)",
                            options.tensorrt_cache.empty() ? "--precision " + options.precision
                                                           : "--tensorrt-cache"));
  return own_calibration(network);
}

int run(const ExportArguments& options) {
  const Precision precision = settle_precision(options);
  check(options, precision);
  const bool pixels = pixel_input(options.input_type, to_string(precision));
  const Network network = open_network(options.network);
  const UsedCalibration used = find_scales(options, network, precision);
  if (!options.tensorrt_cache.empty())
    export_tensorrt_cache(*used.calibration, options.tensorrt_version, options.tensorrt_cache);
  if (options.output.empty()) return 0;
  if (precision == Precision::kFloat32)
    export_onnx(network, options.output);
  else
    export_qdq_onnx(network, *used.calibration, {precision, pixels}, options.output);
  return 0;
}

}  // namespace

void add_export(CLI::App& program, Run& selected) {
  auto options = std::make_shared<ExportArguments>();
  CLI::App* command =
      program.add_subcommand("export", "the network as an ONNX file (FP32 or integers), for other engines");
  add_network_options(*command, options->network);
  command->add_option("-o,--output", options->output, "where it goes")->type_name("F.onnx");
  command
      ->add_option("--precision", options->precision,
                   "fp32; int8: QDQ, of the calibration's scales and Octet's own integer weights; mixed: QDQ "
                   "where the calibration says INT8. Without it int8 with --calibration, fp32 else or beside "
                   "--tensorrt-cache")
      ->type_name("P");
  command->add_option("--calibration", options->calibration, "scales (octet calibrate)")->type_name("FILE");
  add_input_type_option(*command, options->input_type);
  command->add_flag("--force", options->force, "accept a calibration made for another network");
  command
      ->add_option("--tensorrt-cache", options->tensorrt_cache,
                   "the calibration (of --scheme symmetric-s8) as a cache of TensorRT's calibrator")
      ->type_name("FILE");
  command
      ->add_option("--tensorrt-version", options->tensorrt_version,
                   "the one that takes the cache: 8601 for 8.6.1, 101401 for 10.14.1")
      ->type_name("N");
  command->footer(
      "ONNX Runtime and OpenVINO run the QDQ file in integers; TensorRT takes the FP32 file with the "
      "cache.\n\n"
      "Example:\n  octet export resnet-50 -o resnet-50.onnx\n"
      "  octet export deploy.prototxt --weights net.caffemodel --precision int8 --calibration net.json -o "
      "net.onnx");
  command->callback([options, &selected] { selected = [options] { return run(*options); }; });
}

}  // namespace octet::tools
