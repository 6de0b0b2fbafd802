#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "octet/error.h"
#include "octet/version.h"
#include "tools/octet/command.h"
#include "tools/support/program.h"

namespace {

using namespace octet::tools;

// In the order of --help.
constexpr void (*kCommands[])(CLI::App&, Run&) = {
    add_classify, add_run,     add_bench,  add_sweep,   add_scale,   add_accuracy, add_calibrate, add_tune,
    add_build,    add_inspect, add_check,  add_profile, add_export,  add_draw,     add_devices,   add_power,
    add_project,  add_study,   add_replay, add_verify,  add_compare, add_worker};

// CLI11 would only say that a subcommand is required.
void refuse_unknown_command(const CLI::App& program, int argc, char** argv) {
  if (argc < 2 || argv[1][0] == '-') return;
  std::vector<std::string> names;
  for (const CLI::App* command : program.get_subcommands(nullptr)) {
    if (command->get_name() == argv[1]) return;
    names.push_back(command->get_name());
  }
  throw octet::Error(
      octet::ErrorCode::kInvalidArgument,
      fmt::format("unknown command '{}': expected one of {}", argv[1], fmt::join(names, ", ")));
}

}  // namespace

int main(int argc, char** argv) {
  return run_program("octet", [&] {
    CLI::App program(
        "Octet: an inference engine for convolutional networks, and a laboratory that measures it");
    program.set_version_flag("--version", octet::kVersion);
    program.option_defaults()->always_capture_default();
    program.require_subcommand(1);
    program.footer(
        "NET is a built-in network (octet inspect --help lists them; synthetic weights from --seed) or a\n"
        ".prototxt file (weights with --weights F.caffemodel, else synthetic) or an .onnx file.\n\n"
        "Exit codes: 0 success, 2 wrong usage or bad input, 3 it ran and the answer is no, 1 own failure,\n"
        "130 interrupted.\n\n"
        "Example:\n  octet bench resnet-50 --batch 8");
    Run selected;
    for (const auto add : kCommands) add(program, selected);
    refuse_unknown_command(program, argc, argv);
    if (const auto exit_code = parse_command_line(program, argc, argv)) return *exit_code;
    return selected();
  });
}
