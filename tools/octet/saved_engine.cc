#include "tools/octet/saved_engine.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>

#include "octet/error.h"
#include "tools/support/program.h"

namespace octet::tools {
namespace {

constexpr const char* kSettledOptions[] = {"--weights", "--tensor",      "--precision",    "--calibration",
                                           "--isa",     "--no-winograd", "--disable-pass", "--input-type"};

bool is_given(const CLI::App& command, const char* name) {
  const CLI::Option* option = command.get_option_no_throw(name);
  return option != nullptr && option->count() > 0;
}

}  // namespace

bool is_saved_engine(const std::string& net) { return std::filesystem::path(net).extension() == ".octet"; }

Engine load_engine(const NetworkOptions& network, const EngineOptions& options) {
  for (const char* name : kSettledOptions) {
    if (is_given(*options.command, name))
      throw Error(
          ErrorCode::kInvalidArgument,
          fmt::format(
              "{}: that was settled when '{}' was built; expected --batch, --device, --threads, --cpus, "
              "--pin and --memory-limit only",
              name, network.net));
  }
  const BuildOptions asked = build_options(options);
  LoadOptions load;
  if (is_given(*options.command, "--batch")) load.max_batch = asked.max_batch;
  if (is_given(*options.command, "--device")) load.device = asked.device;
  load.threads = asked.threads;
  load.cpus = asked.cpus;
  load.pinning = asked.pinning;
  load.memory_limit = asked.memory_limit;
  return Engine::load(network.net, load);
}

std::string note_of(const Engine& engine, const char* name) {
  const auto note = engine.notes().find(name);
  return note == engine.notes().end() ? std::string() : note->second;
}

void check_preprocessing(const Engine& engine, const lab::Preprocessing& preprocessing, bool force) {
  const std::string calibrated = note_of(engine, kPreprocessingHashNote);
  const std::string here = lab::hash(preprocessing);
  if (calibrated.empty() || calibrated == here) return;
  const std::string differs = fmt::format(
      "the engine was calibrated on pictures prepared in another way (hash {}), these have hash {}",
      calibrated, here);
  if (!force) throw Error(ErrorCode::kMismatch, differs);
  warn("accepted although " + differs);
}

}  // namespace octet::tools
