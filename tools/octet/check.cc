// octet check: the engine against the FP32 reference, and every instruction set of this machine, and a CUDA
// device if one is asked for, against the others.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>

#include "lab/bench/synthetic_images.h"
#include "octet/error.h"
#include "octet/hash.h"
#include "octet/machine.h"
#include "octet/reference.h"
#include "tools/octet/check_integers.h"
#include "tools/octet/command.h"
#include "tools/octet/common_options.h"
#include "tools/support/json_output.h"
#include "tools/support/program.h"
#include "tools/support/table.h"

namespace octet::tools {
namespace {

struct CheckArguments {
  NetworkOptions network;
  EngineOptions engine;
  OutputOptions output;
  int images = 1;
  double bound = 0;  // 0: the precision's
};

/// Errors are relative to the output's range. BF16 keeps 8 bits of a mantissa through all layers.
double bound_of(const CheckArguments& options) {
  if (options.bound != 0) return options.bound;
  return options.engine.precision == "bf16" ? 5e-2 : 1e-4;
}

using Tensors = std::vector<std::vector<float>>;

struct Checked {
  Device device;
  std::string target;   // the instruction set, or a device's compute capability
  std::string skipped;  // why it was not run; empty if it was
  double max_error = 0;
  std::string output_hash;
};

/// Largest |got - expected| over the largest |expected| of the same output; infinite where a value is not
/// finite.
double relative_error(const Tensors& got, const Tensors& expected) {
  double worst = 0;
  for (std::size_t t = 0; t < expected.size(); ++t) {
    double range = 0, error = 0;
    for (std::size_t i = 0; i < expected[t].size(); ++i) {
      range = std::max(range, std::abs(static_cast<double>(expected[t][i])));
      const double difference = std::abs(static_cast<double>(got[t][i]) - expected[t][i]);
      error =
          std::isfinite(difference) ? std::max(error, difference) : std::numeric_limits<double>::infinity();
      if (std::isinf(error)) return error;
    }
    worst = std::max(worst, range > 0 ? error / range : error);
  }
  return worst;
}

std::string hash_of(const Tensors& tensors) {
  std::vector<float> all;
  for (const auto& tensor : tensors) all.insert(all.end(), tensor.begin(), tensor.end());
  return hash_bytes(std::as_bytes(std::span(all)));
}

Tensors make_inputs(const Network& network, int images, std::uint64_t seed) {
  Tensors inputs;
  for (const TensorInfo& tensor : network.inputs())
    inputs.push_back(lab::synthetic_images(tensor.shape, images, seed + inputs.size()));
  return inputs;
}

/// All images through the engine, batch by batch; the last batch may be smaller.
Tensors run_engine(const Engine& engine, const Tensors& inputs, int images) {
  Tensors outputs;
  for (const TensorInfo& tensor : engine.outputs())
    outputs.emplace_back(static_cast<std::size_t>(tensor.shape.elements_per_image() * images));
  Context context = engine.create_context();
  for (int done = 0; done < images;) {
    const int batch = std::min(engine.max_batch(), images - done);
    const auto part = [&](auto& values) {
      const std::size_t per_image = values.size() / static_cast<std::size_t>(images);
      return std::span(values).subspan(per_image * static_cast<std::size_t>(done),
                                       per_image * static_cast<std::size_t>(batch));
    };
    std::vector<std::span<const float>> in;
    std::vector<std::span<float>> out;
    for (const auto& values : inputs) in.push_back(part(values));
    for (auto& values : outputs) out.push_back(part(values));
    context.run(batch, in, out);
    done += batch;
  }
  return outputs;
}

/// "avx2", or "cuda:0 (sm_90)".
std::string where(const Device& device, const std::string& target) {
  return device.kind == Device::Kind::kCpu ? target : fmt::format("{} ({})", to_string(device), target);
}
/// Under which its output's hash stands in JSON.
std::string hash_key(const Device& device, const std::string& target) {
  return device.kind == Device::Kind::kCpu ? target : to_string(device);
}

/// `on_device`, if there is one, beside the instruction sets.
std::vector<Checked> check(const CheckArguments& options, const Network& network, const Engine* on_device,
                           const Tensors& inputs, const Tensors& expected) {
  std::vector<Checked> results;
  const auto run = [&](const Engine& engine, Checked& result) {
    const Tensors outputs = run_engine(engine, inputs, options.images);
    result.max_error = relative_error(outputs, expected);
    result.output_hash = hash_of(outputs);
  };
  if (on_device != nullptr) {
    results.push_back({on_device->device(), on_device->target(), ""});
    run(*on_device, results.back());
  }
  for (const IsaStatus& status : describe_machine().isas) {
    if (options.engine.isa != "auto" && options.engine.isa != to_string(status.isa)) continue;
    Checked result{{}, to_string(status.isa), status.usable ? "" : status.reason};
    if (status.usable) {
      EngineOptions engine_options = options.engine;
      engine_options.device = "cpu";
      engine_options.isa = result.target;
      run(build_engine(network, engine_options, {}), result);
    }
    results.push_back(std::move(result));
  }
  return results;
}

/// JSON has no infinity.
Json error_to_json(double error) { return std::isfinite(error) ? Json(error) : Json("not finite"); }

void print_as_json(const Network& network, const CheckArguments& options, const std::vector<Checked>& results,
                   double worst, bool identical) {
  Json hashes = Json::object(), sets = Json::array();
  for (const Checked& result : results) {
    Json entry = {
        {"device", to_string(result.device)}, {"isa", result.target}, {"usable", result.skipped.empty()}};
    if (result.skipped.empty()) {
      hashes[hash_key(result.device, result.target)] = result.output_hash;
      entry["max_error"] = error_to_json(result.max_error);
      entry["output_hash"] = result.output_hash;
    } else {
      entry["reason"] = result.skipped;
    }
    sets.push_back(std::move(entry));
  }
  print_json({{"network", network.name()},
              {"precision", options.engine.precision},
              {"images", options.images},
              {"bound", bound_of(options)},
              {"max_error", error_to_json(worst)},
              {"output_hash", std::move(hashes)},
              {"identical", identical},
              {"instruction_sets", std::move(sets)},
              {"passed", worst <= bound_of(options)}});
}

void print_as_text(const Network& network, const CheckArguments& options, const std::vector<Checked>& results,
                   double worst, bool identical) {
  Table table({{"runs on"}, {"error", Table::Align::kRight}, {"output hash"}});
  for (const Checked& result : results) {
    if (result.skipped.empty())
      table.add_row(
          {where(result.device, result.target), fmt::format("{:.2e}", result.max_error), result.output_hash});
    else
      table.add_row({where(result.device, result.target), "skipped", result.skipped});
  }
  fmt::print("{}, {}, {} {} against the reference (error relative to the output's range)\n\n", network.name(),
             options.engine.precision, options.images, options.images == 1 ? "image" : "images");
  table.print();
  fmt::print("\n{}: largest error {:.2e}, bound {:.0e}; outputs are {}\n",
             worst <= bound_of(options) ? "passed" : "FAILED", worst, bound_of(options),
             identical ? "identical everywhere" : "not bit for bit the same everywhere");
}

/// The hash of each instruction set and device, or nothing where its own runs differ.
Json hashes_of(const IntegerCheck& check) {
  Json hashes = Json::object();
  for (const IntegerRun& run : check.runs) {
    const std::string key = hash_key(run.device, run.target);
    if (!hashes.contains(key))
      hashes[key] = run.output_hash;
    else if (hashes[key] != run.output_hash)
      hashes[key] = nullptr;
  }
  return hashes;
}

void print_as_json(const Network& network, const CheckArguments& options, const UsedCalibration& calibration,
                   const IntegerCheck& check, bool passed) {
  Json runs = Json::array(), sets = Json::array();
  for (const IntegerRun& run : check.runs)
    runs.push_back({{"device", to_string(run.device)},
                    {"isa", run.target},
                    {"threads", run.threads},
                    {"batch", run.batch},
                    {"input", run.pixels ? "u8" : "fp32"},
                    {"images", run.images},
                    {"output_hash", run.output_hash},
                    {"identical", run.same}});
  for (const IsaStatus& status : describe_machine().isas) {
    Json entry = {{"isa", to_string(status.isa)}, {"usable", status.usable}};
    if (!status.usable) entry["reason"] = status.reason;
    sets.push_back(std::move(entry));
  }
  print_json({{"network", network.name()},
              {"precision", options.engine.precision},
              {"calibration", octet::tools::to_json(calibration)},
              {"images", check.images},
              {"input", check.input},
              {"max_error", error_to_json(check.max_error)},
              {"sqnr_db", error_to_json(check.sqnr_db)},
              {"agreement", check.agreement},
              {"output_hash", hashes_of(check)},
              {"identical", check.identical},
              {"runs", std::move(runs)},
              {"instruction_sets", std::move(sets)},
              {"passed", passed}});
}

void print_as_text(const Network& network, const CheckArguments& options, const UsedCalibration& calibration,
                   const IntegerCheck& check, bool passed) {
  fmt::print("{}, {}, {} {}; calibration {} ({})\n\n", network.name(), options.engine.precision, check.images,
             check.input, calibration.calibration->hash(), calibration.origin);
  Table table({{"runs on"},
               {"threads", kRight},
               {"batch", kRight},
               {"input"},
               {"images", kRight},
               {"first image's hash"},
               {"all outputs"}});
  for (const IntegerRun& run : check.runs)
    table.add_row({where(run.device, run.target), fmt::format("{}", run.threads),
                   fmt::format("{}", run.batch), run.pixels ? "u8" : "fp32", fmt::format("{}", run.images),
                   run.output_hash, run.same ? "the same" : "DIFFER"});
  for (const IsaStatus& status : describe_machine().isas)
    if (!status.usable) table.add_row({to_string(status.isa), "", "", "", "", "skipped", status.reason});
  table.print();
  fmt::print("\nagainst FP32: SQNR {:.1f} dB, largest error {:.2e} of the range, top-1 agreement {:.1f} %\n",
             check.sqnr_db, check.max_error, check.agreement);
  fmt::print("{}: outputs {} bit for bit the same everywhere\n", passed ? "passed" : "FAILED",
             check.identical ? "are" : "are not");
}

int run_integers(const CheckArguments& options) {
  const Network network = open_network(options.network, memory_limit_of(options.engine));
  const UsedCalibration calibration = find_calibration(network, options.engine, options.network.seed);
  const IntegerCheck result =
      check_integers(network, options.engine, calibration, options.images, options.network.seed);
  const bool passed = std::isfinite(result.max_error) &&
                      (result.identical ||
                       !promises_same_bytes(network, parse_precision(options.engine.precision), calibration));
  if (options.output.json())
    print_as_json(network, options, calibration, result, passed);
  else
    print_as_text(network, options, calibration, result, passed);
  return passed ? kSuccess : kAnswerIsNo;
}

int run_floating_point(const CheckArguments& options) {
  const BuildOptions build = build_options(options.engine);  // before the slow reference runs
  const Network network = open_network(options.network, memory_limit_of(options.engine));
  find_calibration(network, options.engine, options.network.seed);  // refuses a file without use
  std::optional<Engine> on_device;
  if (build.device.kind != Device::Kind::kCpu) on_device = build_engine(network, options.engine, {});
  const Tensors inputs = make_inputs(network, options.images, options.network.seed);
  const std::vector<std::span<const float>> input_spans(inputs.begin(), inputs.end());
  const Tensors expected = run_reference(network, options.images, input_spans, build.threads);
  const std::vector<Checked> results =
      check(options, network, on_device ? &*on_device : nullptr, inputs, expected);

  double worst = 0;
  bool identical = true;
  const Checked* first = nullptr;
  for (const Checked& result : results) {
    if (!result.skipped.empty()) continue;
    if (first == nullptr) first = &result;
    worst = std::max(worst, result.max_error);
    identical = identical && result.output_hash == first->output_hash;
  }
  if (options.output.json())
    print_as_json(network, options, results, worst, identical);
  else
    print_as_text(network, options, results, worst, identical);
  return worst <= bound_of(options) ? kSuccess : kAnswerIsNo;
}

int run(const CheckArguments& options) {
  if (options.images < 1 || options.images > 1 << 16)
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("--images: expected 1 to {}, got {}", 1 << 16, options.images));
  if (!(options.bound >= 0))
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("--bound: expected more than 0, or 0 for the precision's; got {}", options.bound));
  build_options(options.engine);  // says what is wrong with the options before a large network is loaded
  return needs_calibration(parse_precision(options.engine.precision)) ? run_integers(options)
                                                                      : run_floating_point(options);
}

}  // namespace

void add_check(CLI::App& program, Run& selected) {
  auto options = std::make_shared<CheckArguments>();
  CLI::App* command =
      program.add_subcommand("check", "the engine against the reference, on every instruction set");
  add_network_options(*command, options->network);
  command->add_option("--images", options->images, "random images to run")->type_name("N");
  command
      ->add_option("--bound", options->bound,
                   "largest error, relative to the output's range; 0: 1e-4 for fp32, 0.05 for bf16")
      ->type_name("E");
  add_engine_options(*command, options->engine);
  add_output_options(*command, options->output);
  command->footer(
      "fp32 and bf16 are compared with a plain interpreter with sums in double, which takes large networks "
      "some\n"
      "seconds an image; exit code 3 if an error exceeds the bound. Integers promise more: the same bytes "
      "from\n"
      "every instruction set, with 1 and 2 threads, batches of 1, 3 and 8, and pictures as bytes or as "
      "FP32;\n"
      "exit code 3 if any differ. --isa checks one instruction set only; --device cuda:N a GPU as well.\n\n"
      "Example:\n  octet check squeezenet-1.0 --precision int8");
  command->callback([options, &selected] { selected = [options] { return run(*options); }; });
}

}  // namespace octet::tools
