// octet replay: the same study again, into another folder.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "lab/bundle/manifest.h"
#include "lab/study/config.h"
#include "lab/support/files.h"
#include "octet/build_info.h"
#include "octet/error.h"
#include "octet/machine.h"
#include "tools/octet/command.h"
#include "tools/octet/study_command.h"
#include "tools/support/json_output.h"
#include "tools/support/program.h"

namespace octet::tools {
namespace fs = std::filesystem;
namespace {

struct ReplayArguments {
  std::string bundle;
  std::string folder;
  bool dry_run = false;
  bool trust = false;
  OutputOptions output;
};

Json read_results(const fs::path& bundle) {
  const fs::path file = bundle / "results.json";
  try {
    return Json::parse(lab::read_file_inside(bundle, "results.json"));
  } catch (const Json::exception& error) {
    throw Error(ErrorCode::kParse, fmt::format("{}: {}", file.string(), error.what()));
  }
}

/// Said on stderr before hours are spent on it.
void warn_of_differences(const Json& results) {
  const auto compare = [](const char* what, const std::string& then, const std::string& now) {
    if (!then.empty() && then != now) warn(fmt::format("{} was {}, here it is {}", what, then, now));
  };
  const auto text = [&](const char* section, const char* key) {
    const Json found = results.value(section, Json::object());
    const auto value = found.find(key);
    return value != found.end() && value->is_string() ? value->get<std::string>() : std::string();
  };
  const MachineInfo machine = describe_machine();
  compare("the CPU", text("machine", "cpu_model"), machine.cpu_model);
  compare("the best instruction set", text("machine", "best_isa"), to_string(machine.best_isa));
  compare("the kernel", text("machine", "kernel"), machine.kernel_release);
  const BuildInfo& build = build_info();
  compare("Octet's version", text("octet", "version"), build.version);
  compare("Octet's revision", text("octet", "revision"), build.revision);
  compare("the compiler", text("octet", "compiler"), build.compiler);
  compare("the compiler's flags", text("octet", "flags"), build.flags);
}

/// A bundle may be a stranger's. What it measures is harmless; what it opens or starts on this machine is for
/// the user to decide.
void require_trust(const lab::StudyConfig& config, const std::string& bundle) {
  const std::vector<std::string> reach = lab::reach_of(config);
  if (reach.empty()) return;
  throw Error(
      ErrorCode::kInvalidArgument,
      fmt::format(
          "{}/study.toml names files or programs of this machine ({}); if they are yours, say so with "
          "--trust",
          bundle, fmt::join(reach, "; ")));
}

int run(const ReplayArguments& options) {
  const fs::path bundle = options.bundle;
  if (!fs::is_directory(bundle))
    throw Error(ErrorCode::kNotFound, fmt::format("{}: no such folder", options.bundle));
  if (!fs::exists(bundle / "study.toml"))
    throw Error(
        ErrorCode::kNotFound,
        fmt::format("{}: expected the folder of a study, there is no study.toml in it", options.bundle));
  if (fs::exists(bundle / "manifest.json")) lab::read_manifest(bundle);  // refuses a newer Octet's
  const lab::StudyConfig config = lab::load_bundle_config(bundle);
  if (!options.trust) require_trust(config, options.bundle);
  lab::check(config);
  if (fs::exists(bundle / "results.json")) warn_of_differences(read_results(bundle));
  if (options.dry_run) return print_plan(config, options.output);
  const fs::path named = bundle.has_filename() ? bundle : bundle.parent_path();  // without a slash at its end
  const fs::path folder = options.folder.empty() ? named.string() + "-replay" : options.folder;
  if (fs::exists(folder) && fs::equivalent(folder, bundle))
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("-o {}: expected another folder than the study's own", folder.string()));
  const int exit_code = run_study_into(folder, config, options.output);
  if (exit_code == kSuccess && !options.output.json())
    fmt::print("side by side: octet compare {} {}\n", options.bundle, folder.string());
  return exit_code;
}

}  // namespace

void add_replay(CLI::App& program, Run& selected) {
  auto options = std::make_shared<ReplayArguments>();
  CLI::App* command =
      program.add_subcommand("replay", "measures the same study again, here, into another folder");
  command->add_option("bundle", options->bundle, "folder of a study")->type_name("DIR")->required();
  command->add_option("-o,--output", options->folder, "folder of the new study; without it DIR-replay")
      ->type_name("DIR");
  command->add_flag("--dry-run", options->dry_run, "only print what would be measured and how long it takes");
  command->add_flag("--trust", options->trust,
                    "open the files and start the programs that the study's configuration names");
  add_output_options(*command, options->output);
  command->footer(
      "The configuration is DIR/study.toml. What differs in machine and build is said before it starts;\n"
      "octet compare lays the two side by side afterwards.\n\n"
      "Example:\n  octet replay results/today -o results/again");
  command->callback([options, &selected] { selected = [options] { return run(*options); }; });
}

}  // namespace octet::tools
