// octet verify: is a bundle what it says?
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "lab/bundle/bundle.h"
#include "octet/error.h"
#include "tools/octet/command.h"
#include "tools/octet/common_options.h"
#include "tools/support/json_output.h"
#include "tools/support/program.h"

namespace octet::tools {
namespace {

struct VerifyArguments {
  std::string folder;
  OutputOptions output;
};

Json to_json(const lab::VerifyReport& report) {
  Json findings = Json::array();
  for (const lab::VerifyFinding& finding : report.findings)
    findings.push_back({{"file", finding.file}, {"text", finding.text}});
  return {{"ok", report.ok()},
          {"files", report.files},
          {"records", report.records},
          {"derived_values", report.derived_values},
          {"findings", std::move(findings)},
          {"notes", report.notes}};
}

void print_text(const lab::VerifyReport& report) {
  for (const lab::VerifyFinding& finding : report.findings)
    fmt::print("{}: {}\n", printable(finding.file), printable(finding.text));
  for (const std::string& note : report.notes) fmt::print("note: {}\n", printable(note));
  fmt::print("{} files hashed, {} numbers derived again from {} records: {}\n", report.files,
             report.derived_values, report.records,
             report.ok() ? "the bundle is what it says"
                         : fmt::format("{} {}", report.findings.size(),
                                       report.findings.size() == 1 ? "finding" : "findings"));
}

int run(const VerifyArguments& options) {
  const lab::VerifyReport report = lab::verify_bundle(options.folder);
  if (options.output.json())
    print_json(to_json(report));
  else
    print_text(report);
  return report.ok() ? kSuccess : kAnswerIsNo;
}

}  // namespace

void add_verify(CLI::App& program, Run& selected) {
  auto options = std::make_shared<VerifyArguments>();
  CLI::App* command = program.add_subcommand("verify", "check a study's files, and derive its results again");
  command->add_option("DIR", options->folder, "folder that octet study wrote")->required();
  add_output_options(*command, options->output);
  command->footer(
      "Checks the SHA-256 of every file, and derives results.json, the tables and the report again from the\n"
      "raw samples. Exit code 3 if anything is not as it says.\n\n"
      "Example:\n  octet verify study-quick");
  command->callback([options, &selected] { selected = [options] { return run(*options); }; });
}

}  // namespace octet::tools
