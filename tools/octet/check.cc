// octet check: the engine against the FP32 reference, on every instruction set of this machine.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

#include "lab/bench/synthetic_images.h"
#include "octet/error.h"
#include "octet/hash.h"
#include "octet/machine.h"
#include "octet/reference.h"
#include "tools/octet/command.h"
#include "tools/octet/common_options.h"
#include "tools/support/json_output.h"
#include "tools/support/program.h"
#include "tools/support/table.h"

namespace octet::tools {
namespace {

struct Options {
  NetworkOptions network;
  EngineOptions engine;
  OutputOptions output;
  int images = 1;
  double bound = 1e-4;
};

using Tensors = std::vector<std::vector<float>>;

struct Checked {
  Isa isa;
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

std::vector<Checked> check(const Options& options, const Network& network, const Tensors& inputs,
                           const Tensors& expected) {
  std::vector<Checked> results;
  for (const IsaStatus& status : describe_machine().isas) {
    if (options.engine.isa != "auto" && options.engine.isa != to_string(status.isa)) continue;
    Checked result{status.isa, status.usable ? "" : status.reason, 0, ""};
    if (status.usable) {
      EngineOptions engine_options = options.engine;
      engine_options.isa = to_string(status.isa);
      const Tensors outputs = run_engine(build_engine(network, engine_options), inputs, options.images);
      result.max_error = relative_error(outputs, expected);
      result.output_hash = hash_of(outputs);
    }
    results.push_back(std::move(result));
  }
  return results;
}

/// JSON has no infinity.
Json error_to_json(double error) { return std::isfinite(error) ? Json(error) : Json("not finite"); }

void print_as_json(const Network& network, const Options& options, const std::vector<Checked>& results,
                   double worst, bool identical) {
  Json hashes = Json::object(), sets = Json::array();
  for (const Checked& result : results) {
    Json entry = {{"isa", to_string(result.isa)}, {"usable", result.skipped.empty()}};
    if (result.skipped.empty()) {
      hashes[to_string(result.isa)] = result.output_hash;
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
              {"bound", options.bound},
              {"max_error", error_to_json(worst)},
              {"output_hash", std::move(hashes)},
              {"identical", identical},
              {"instruction_sets", std::move(sets)},
              {"passed", worst <= options.bound}});
}

void print_as_text(const Network& network, const Options& options, const std::vector<Checked>& results,
                   double worst, bool identical) {
  Table table({{"instruction set"}, {"error", Table::Align::kRight}, {"output hash"}});
  for (const Checked& result : results) {
    if (result.skipped.empty())
      table.add_row({to_string(result.isa), fmt::format("{:.2e}", result.max_error), result.output_hash});
    else
      table.add_row({to_string(result.isa), "skipped", result.skipped});
  }
  fmt::print("{}, {}, {} {} against the reference (error relative to the output's range)\n\n", network.name(),
             options.engine.precision, options.images, options.images == 1 ? "image" : "images");
  table.print();
  fmt::print("\n{}: largest error {:.2e}, bound {:.0e}; outputs are {}\n",
             worst <= options.bound ? "passed" : "FAILED", worst, options.bound,
             identical ? "identical on all instruction sets" : "not bit for bit the same everywhere");
}

int run(const Options& options) {
  if (options.images < 1)
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("--images: expected 1 or more, got {}", options.images));
  if (!(options.bound > 0))
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("--bound: expected more than 0, got {}", options.bound));
  const BuildOptions build = build_options(options.engine);  // before the slow reference runs
  const Network network = open_network(options.network);
  const Tensors inputs = make_inputs(network, options.images, options.network.seed);
  const std::vector<std::span<const float>> input_spans(inputs.begin(), inputs.end());
  const Tensors expected = run_reference(network, options.images, input_spans, build.threads);
  const std::vector<Checked> results = check(options, network, inputs, expected);

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
  return worst <= options.bound ? kSuccess : kAnswerIsNo;
}

}  // namespace

void add_check(CLI::App& program, Run& selected) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      program.add_subcommand("check", "the engine against the reference, on every instruction set");
  add_network_options(*command, options->network);
  command->add_option("--images", options->images, "random images to run")->type_name("N");
  command->add_option("--bound", options->bound, "largest error, relative to the output's range")
      ->type_name("E");
  add_engine_options(*command, options->engine);
  add_output_options(*command, options->output);
  command->footer(
      "The reference is a plain interpreter with sums in double; large networks take it some seconds an "
      "image.\n"
      "Exit code 3 if an error exceeds the bound. --isa checks one instruction set only.\n\n"
      "Example:\n  octet check squeezenet-1.0 --images 2");
  command->callback([options, &selected] { selected = [options] { return run(*options); }; });
}

}  // namespace octet::tools
