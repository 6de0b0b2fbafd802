#include "tools/octet/common_options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <optional>

#include "lab/bench/bindings.h"
#include "octet/error.h"
#include "octet/machine.h"
#include "octet/mean_image.h"
#include "tools/octet/saved_engine.h"
#include "tools/support/program.h"

namespace octet::tools {
namespace {

[[noreturn]] void fail(ErrorCode code, const std::string& message) { throw Error(code, message); }

/// A whole number that is all of `text`.
template <typename Number>
std::optional<Number> parse_number(std::string_view text) {
  Number value{};
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || stop != text.data() + text.size()) return std::nullopt;
  return value;
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts(1);
  for (char c : text) {
    if (c == separator)
      parts.emplace_back();
    else
      parts.back() += c;
  }
  return parts;
}

std::vector<std::string> names_of(const std::vector<TensorInfo>& tensors) {
  std::vector<std::string> names;
  for (const TensorInfo& tensor : tensors) names.push_back(tensor.name);
  return names;
}

void check_cpus(const std::vector<int>& cpus, const MachineInfo& machine) {
  for (int cpu : cpus)
    if (std::find(machine.cpus.begin(), machine.cpus.end(), cpu) == machine.cpus.end())
      fail(ErrorCode::kInvalidArgument,
           fmt::format("--cpus: CPU {} is not among those that this process may use ({})", cpu,
                       fmt::join(machine.cpus, ",")));
}

void check_threads(int threads, const std::vector<int>& cpus, const MachineInfo& machine) {
  if (threads < 0)
    fail(ErrorCode::kInvalidArgument,
         fmt::format("--threads: expected 1 or more, or 0 for as many as there are CPUs; got {}", threads));
  const std::size_t available = cpus.empty() ? machine.cpus.size() : cpus.size();
  if (static_cast<std::size_t>(threads) > available)
    fail(ErrorCode::kInvalidArgument,
         fmt::format("--threads: {} threads, but {} {} {}; a thread more than CPUs only waits", threads,
                     cpus.empty() ? "this process may use only" : "--cpus lists only", available,
                     available == 1 ? "CPU" : "CPUs"));
  if (machine.cgroup_cpu_quota > 0 && threads > machine.cgroup_cpu_quota)
    warn(fmt::format("{} threads, but the cgroup's quota is {:.1f} CPUs: they will be throttled", threads,
                     machine.cgroup_cpu_quota));
}

void check_isa(Isa isa, const MachineInfo& machine) {
  for (const IsaStatus& status : machine.isas)
    if (status.isa == isa && !status.usable)
      fail(ErrorCode::kUnsupported, fmt::format("--isa {}: {}", to_string(isa), status.reason));
}

TensorInfo single(const char* what, const std::string& network, const std::vector<TensorInfo>& tensors,
                  const char* advice) {
  if (tensors.size() != 1)
    fail(ErrorCode::kUnsupported, fmt::format("network '{}' has {} {}s ({}); {}", network, tensors.size(),
                                              what, fmt::join(names_of(tensors), ", "), advice));
  return tensors.front();
}
constexpr const char* kOneInput = "this command needs exactly one";
constexpr const char* kOneOutput = "choose one with --tensor";

int classes_of(const std::string& network, const TensorInfo& output) {
  const std::int64_t classes = output.shape.dim_or_1(1);
  if (output.shape.elements_per_image() != classes || classes > 1 << 24)
    fail(ErrorCode::kUnsupported, fmt::format("output '{}' of network '{}' is {}; expected one score a class",
                                              output.name, network, output.shape.to_string()));
  return static_cast<int>(classes);
}

std::array<float, 3> parse_mean(const std::string& text) {
  std::array<float, 3> mean{};
  const std::vector<std::string> parts = split(text, ',');
  bool good = parts.size() == mean.size();
  for (std::size_t i = 0; good && i < mean.size(); ++i) {
    const auto value = parse_number<float>(parts[i]);
    good = value.has_value() && *value >= -1e6f && *value <= 1e6f;
    if (good) mean[i] = *value;
  }
  if (!good)
    fail(ErrorCode::kInvalidArgument,
         fmt::format("--mean: expected three numbers B,G,R or a .binaryproto file, got '{}'", text));
  return mean;
}

MeanImage mean_image_for_pictures(const std::string& file) {
  MeanImage mean = load_mean_image(file);
  if (mean.channels != 3)
    fail(ErrorCode::kMismatch,
         fmt::format("{}: expected a mean image of 3 channels, got {}", file, mean.channels));
  return mean;
}

}  // namespace

CLI::Option* add_network_options(CLI::App& command, NetworkOptions& options) {
  command.add_option("--weights", options.weights, "trained weights (.caffemodel); without it synthetic")
      ->type_name("FILE");
  command.add_option("--seed", options.seed, "seed of synthetic weights and images")->type_name("N");
  command.add_option("--tensor", options.tensor, "make this tensor the network's only output")
      ->type_name("NAME");
  return command
      .add_option(
          "net", options.net,
          fmt::format("a .prototxt or .onnx file or one of {}", fmt::join(Network::zoo_names(), ", ")))
      ->type_name("NET")
      ->required();
}

Network open_network(const NetworkOptions& options, std::uint64_t memory_limit) {
  if (is_saved_engine(options.net))
    fail(ErrorCode::kInvalidArgument,
         fmt::format("'{}' is a saved engine; expected a network here", options.net));
  std::optional<std::filesystem::path> weights;
  if (!options.weights.empty()) weights = options.weights;
  const Network network = Network::open(options.net, weights, options.seed, memory_limit);
  return options.tensor.empty() ? network : network.with_output(options.tensor);
}

void add_memory_limit_option(CLI::App& command, std::string& limit) {
  command
      .add_option("--memory-limit", limit,
                  "most bytes for the network, weights, activations, inputs and outputs together, as 2GiB; "
                  "what needs more is refused before it is allocated")
      ->type_name("SIZE");
}

void add_engine_options(CLI::App& command, EngineOptions& options) {
  options.command = &command;
  command
      .add_option(
          "--precision", options.precision,
          "fp32, bf16, int8, int16 (activations; weights are 8 bits) or mixed (each layer's own, from "
          "octet tune)")
      ->type_name("P");
  command
      .add_option("--calibration", options.calibration,
                  "scales for int8, int16 and mixed (octet calibrate); without it calibrated on images made "
                  "for the purpose")
      ->type_name("FILE");
  command.add_flag("--force", options.force, "accept a calibration made for another network or protocol");
  command.add_option("--batch", options.batch, "images computed together")->type_name("N");
  command
      .add_option("--threads", options.threads,
                  "0: one a core that this process may use, within its cgroup's quota")
      ->type_name("N");
  command.add_option("--cpus", options.cpus, "pin the threads to these CPUs, as 0,2-3")->type_name("LIST");
  command
      .add_option(
          "--pin", options.pin,
          "without --cpus: auto (one thread a core, where the threads fill the machine), cores (always), "
          "none; octet devices shows the order")
      ->type_name("auto|cores|none");
  command
      .add_option("--device", options.device,
                  "cpu, or cuda:N as octet devices numbers GPUs (--precision int8)")
      ->type_name("cpu|cuda:N");
  command
      .add_option("--isa", options.isa,
                  "instruction set: auto, generic, avx2, avx512, avx512vnni, avx512bf16, amx")
      ->type_name("SET");
  command.add_flag("--no-winograd", options.no_winograd, "compute convolutions directly, not by Winograd");
  add_memory_limit_option(command, options.memory_limit);
  command
      .add_option("--disable-pass", options.disabled_passes, "leave out this pass (octet inspect --passes)")
      ->type_name("NAME")
      ->expected(1)
      ->take_all()
      ->default_str("");
}

std::vector<int> parse_cpu_list(const std::string& text) {
  constexpr int kMaxCpu = 65535;
  std::vector<int> cpus;
  for (const std::string& part : split(text, ',')) {
    const std::size_t dash = part.find('-');
    const auto first = parse_number<unsigned>(part.substr(0, dash));
    const auto last = dash == std::string::npos ? first : parse_number<unsigned>(part.substr(dash + 1));
    if (!first || !last || *first > *last || *last > kMaxCpu)
      fail(ErrorCode::kInvalidArgument,
           fmt::format("--cpus: expected CPU numbers and ranges like 0,2-3, got '{}'", text));
    for (unsigned cpu = *first; cpu <= *last; ++cpu) {
      if (std::find(cpus.begin(), cpus.end(), static_cast<int>(cpu)) != cpus.end())
        fail(ErrorCode::kInvalidArgument, fmt::format("--cpus: CPU {} stands twice in '{}'", cpu, text));
      cpus.push_back(static_cast<int>(cpu));
    }
  }
  return cpus;
}

std::uint64_t parse_memory_limit(const std::string& size) {
  if (size.empty()) return describe_machine().memory_bytes;
  const std::uint64_t limit = parse_size(size);
  if (limit == 0) fail(ErrorCode::kInvalidArgument, "--memory-limit: expected more than 0 bytes");
  return limit;
}

std::uint64_t memory_limit_of(const EngineOptions& options) {
  return parse_memory_limit(options.memory_limit);
}

BuildOptions build_options(const EngineOptions& options) {
  BuildOptions build;
  build.precision = parse_precision(options.precision);
  build.device = parse_device(options.device);
  if (options.batch < 1)
    fail(ErrorCode::kInvalidArgument, fmt::format("--batch: expected 1 or more, got {}", options.batch));
  build.max_batch = options.batch;
  const MachineInfo machine = describe_machine();
  if (!options.cpus.empty()) build.cpus = parse_cpu_list(options.cpus);
  build.pinning = parse_pinning(options.pin);
  if (!options.cpus.empty() && build.pinning != Pinning::kAuto)
    fail(ErrorCode::kInvalidArgument, "--pin: --cpus says where the threads go; expected one of the two");
  check_cpus(build.cpus, machine);
  check_threads(options.threads, build.cpus, machine);
  build.threads =
      options.threads == 0 && !build.cpus.empty() ? static_cast<int>(build.cpus.size()) : options.threads;
  if (options.isa != "auto") {
    build.isa = parse_isa(options.isa);
    check_isa(*build.isa, machine);
  }
  build.winograd = !options.no_winograd;
  build.memory_limit = memory_limit_of(options);
  build.disabled_passes = options.disabled_passes;
  return build;
}

UsedCalibration find_calibration(const Network& network, const EngineOptions& options, std::uint64_t seed,
                                 const lab::Preprocessing* preprocessing) {
  const Precision precision = parse_precision(options.precision);
  if (!needs_calibration(precision)) {
    if (!options.calibration.empty())
      fail(ErrorCode::kInvalidArgument,
           fmt::format("--calibration: --precision {} has no use for one; expected int8, int16 or mixed",
                       options.precision));
    return {};
  }
  if (!options.calibration.empty())
    return load_calibration(options.calibration, network,
                            preprocessing == nullptr ? "" : lab::hash(*preprocessing), options.force);
  if (network.calibration() != nullptr) return own_calibration(network);
  if (precision == Precision::kMixed)
    fail(
        ErrorCode::kInvalidArgument,
        "--precision mixed: expected --calibration FILE with each layer's precision (octet tune writes one)");
  return improvise_calibration(network, preprocessing, seed, build_options(options).threads,
                               memory_limit_of(options));
}

Engine build_engine(Network network, const EngineOptions& options, const UsedCalibration& calibration) {
  BuildOptions build = build_options(options);
  build.calibration = calibration.calibration;
  build.pixel_input = options.pixel_input;
  if (build.memory_limit == 0) return Engine::build(std::move(network), build);
  const std::uint64_t limit = build.memory_limit;
  const std::uint64_t outside =
      lab::binding_bytes(network.inputs(), network.outputs(), build.max_batch, build.pixel_input);
  build.memory_limit = limit > outside ? limit - outside : 1;  // 0 would be none
  try {
    return Engine::build(std::move(network), build);
  } catch (const Error& error) {
    // A device's memory, which may have been what was too small, holds no inputs and outputs of the caller's.
    if (error.code() != ErrorCode::kMemoryLimit || build.device.kind != Device::Kind::kCpu) throw;
    fail(error.code(), fmt::format("{}, beside {} ({} bytes) of inputs and outputs: {} in all", error.what(),
                                   format_bytes(outside), outside, format_bytes(limit)));
  }
}

void add_output_options(CLI::App& command, OutputOptions& options, bool markdown) {
  std::vector<std::string> formats = {"text", "json"};
  if (markdown) formats.emplace_back("markdown");
  command
      .add_option("--format", options.format,
                  markdown ? "text, one JSON document on stdout, or tables for a Markdown page"
                           : "text, or one JSON document on stdout")
      ->check(CLI::IsMember(formats).description(""))
      ->type_name(fmt::format("{}", fmt::join(formats, "|")));
}

void add_picture_options(CLI::App& command, PictureOptions& options) {
  command
      .add_option("--protocol", options.protocol,
                  "how a picture becomes an input: caffe-squash, pillow-squash, shorter-side, as-is; without "
                  "it as-is for octet-20, else caffe-squash")
      ->type_name("NAME");
  command
      .add_option(
          "--mean", options.mean,
          "three numbers B,G,R or a mean image (.binaryproto); without it the study's for the network")
      ->type_name("MEAN");
  command.add_option("--resize", options.resize, "size to which pictures are brought before the crop (256)")
      ->type_name("PIXELS");
}

namespace {

lab::Preprocessing make_preprocessing(const PictureOptions& options, const std::string& network,
                                      const TensorInfo& input) {
  lab::Preprocessing preprocessing = lab::default_preprocessing(network, input.shape);
  if (!options.protocol.empty()) preprocessing.protocol = lab::parse_protocol(options.protocol);
  if (options.resize != 0) preprocessing.resize = options.resize;
  if (options.mean.ends_with(".binaryproto"))
    preprocessing.mean_image = mean_image_for_pictures(options.mean);
  else if (!options.mean.empty())
    preprocessing.mean_bgr = parse_mean(options.mean);
  lab::validate(preprocessing);
  return preprocessing;
}

}  // namespace

lab::Preprocessing make_preprocessing(const PictureOptions& options, const Network& network) {
  return make_preprocessing(options, network.name(), single_input(network));
}
lab::Preprocessing make_preprocessing(const PictureOptions& options, const Engine& engine) {
  return make_preprocessing(options, engine.network_name(), single_input(engine));
}

TensorInfo single_input(const Network& network) {
  return single("input", network.name(), network.inputs(), kOneInput);
}
TensorInfo single_input(const Engine& engine) {
  return single("input", engine.network_name(), engine.inputs(), kOneInput);
}
TensorInfo single_output(const Network& network) {
  return single("output", network.name(), network.outputs(), kOneOutput);
}
TensorInfo single_output(const Engine& engine) {
  return single("output", engine.network_name(), engine.outputs(), kOneOutput);
}

int count_classes(const Network& network) { return classes_of(network.name(), single_output(network)); }
int count_classes(const Engine& engine) { return classes_of(engine.network_name(), single_output(engine)); }

}  // namespace octet::tools
