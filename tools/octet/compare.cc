// octet compare: two bundles side by side.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "lab/bundle/bundle.h"
#include "octet/error.h"
#include "tools/octet/command.h"
#include "tools/octet/common_options.h"
#include "tools/support/json_output.h"
#include "tools/support/table.h"

namespace octet::tools {
namespace {

struct CompareArguments {
  std::string a, b;
  OutputOptions output;
};

std::string text_of(const Json& value) {
  if (value.is_null()) return "(none)";
  if (value.is_string()) return value.get<std::string>();
  return value.dump();
}

std::string side(const Json& row) {
  if (row["outcome"] != "measured") return row["outcome"].get<std::string>();
  return fmt::format("{:.2f}{}", row["images_per_second"].get<double>(),
                     row["verdict"] == "VALID" ? "" : fmt::format(" {}", row["verdict"].get<std::string>()));
}

std::string remarks(const Json& row) {
  std::string text;
  if (row.contains("isa")) text = row["isa"].get<std::string>();
  if (row.contains("ranks"))
    text = row["ranks"] == 1 ? "1 rank" : fmt::format("{} ranks", row["ranks"].get<int>());
  if (!row["way"].get_ref<const std::string&>().empty()) text = row["way"].get<std::string>();
  if (row.contains("same_outputs") && !row["same_outputs"].get<bool>())
    text += text.empty() ? "other outputs" : ", other outputs";
  return text;
}

void print_rows(const Json& rows) {
  Table table({{"section"},
               {"network"},
               {"precision"},
               {"batch", kRight},
               {"engine"},
               {"a images/s", kRight},
               {"b images/s", kRight},
               {"b/a", kRight},
               {"95 % interval", kRight},
               {"differs"},
               {""}});
  for (const Json& row : rows) {
    std::string ratio, interval, differs;
    if (row.contains("ratio")) {
      const Json& r = row["ratio"];
      ratio = fmt::format("{:.3f}", r["median"].get<double>());
      interval = fmt::format("{:.3f} to {:.3f}", r["ci95"][0].get<double>(), r["ci95"][1].get<double>());
      differs = row["significant"].get<bool>() ? "yes" : "no";
    }
    table.add_row({row["section"].get<std::string>(), row["network"].get<std::string>(),
                   row["precision"].get<std::string>(), fmt::format("{}", row["batch"].get<std::int64_t>()),
                   row["engine"].get<std::string>(), side(row["a"]), side(row["b"]), ratio, interval, differs,
                   remarks(row)});
  }
  table.print();
}

void print_accuracy_differences(const Json& rows) {
  if (rows.empty()) return;
  fmt::print("\nAccuracy, top-1 %\n");
  Table table({{"network"},
               {"precision"},
               {"a", kRight},
               {"b", kRight},
               {"b - a", kRight},
               {"95 % interval", kRight},
               {"McNemar p", kRight}});
  for (const Json& row : rows) {
    std::string delta = "other pictures", interval, p;
    if (row["same_pictures"].get<bool>()) {
      delta = fmt::format("{:+.2f}", row["delta_top1"].get<double>());
      interval =
          fmt::format("{:+.2f} to {:+.2f}", row["ci95"][0].get<double>(), row["ci95"][1].get<double>());
      p = fmt::format("{:.3g}", row["mcnemar_p"].get<double>());
    }
    table.add_row({row["network"].get<std::string>(), row["precision"].get<std::string>(),
                   fmt::format("{:.2f}", row["a"]["top1"].get<double>()),
                   fmt::format("{:.2f}", row["b"]["top1"].get<double>()), delta, interval, p});
  }
  table.print();
}

void print_differences(const Json& differences) {
  for (const auto& [what, keys] : differences.items()) {
    if (keys.empty()) {
      fmt::print("\nSame {}.\n", what);
      continue;
    }
    fmt::print("\nDifferent in {}\n", what);
    for (const Json& each : keys)
      fmt::print("  {}: {} | {}\n", printable(each["key"].get<std::string>()), printable(text_of(each["a"])),
                 printable(text_of(each["b"])));
  }
}

void print_only(const Json& rows, const char* name) {
  if (!rows.empty())
    fmt::print("{} {} only in {} (--format json lists them)\n", rows.size(),
               rows.size() == 1 ? "row" : "rows", name);
}

void print_comparison(const Json& comparison) {
  for (const char* name : {"a", "b"}) {
    const Json& bundle = comparison[name];
    const Json& counts = bundle["counts"];
    fmt::print("{}: {}, {}, {}: {} valid, {} suspect, {} invalid\n", name,
               printable(bundle["name"].get<std::string>()), bundle["mode"].get<std::string>(),
               bundle["status"].get<std::string>(), counts["VALID"].get<int>(), counts["SUSPECT"].get<int>(),
               counts["INVALID"].get<int>());
  }
  fmt::print("\n");
  print_rows(comparison["rows"]);
  print_only(comparison["only_a"], "a");
  print_only(comparison["only_b"], "b");
  print_accuracy_differences(comparison["accuracy"]);
  print_differences(comparison["differences"]);
  fmt::print("\n");
  for (const Json& note : comparison["notes"]) fmt::print("{}\n", printable(note.get<std::string>()));
}

int run(const CompareArguments& options) {
  const Json comparison = lab::compare_bundles(options.a, options.b);
  if (options.output.json())
    print_json(comparison);
  else
    print_comparison(comparison);
  return 0;
}

}  // namespace

void add_compare(CLI::App& program, Run& selected) {
  auto options = std::make_shared<CompareArguments>();
  CLI::App* command = program.add_subcommand("compare", "two studies side by side");
  command->add_option("A", options->a, "folder of a study")->required();
  command->add_option("B", options->b, "folder of the study to compare with it")->required();
  add_output_options(*command, options->output);
  command->footer(
      "Ratios are b over a, of medians, with a bootstrap interval from the raw samples of both; 'differs' "
      "says\n"
      "whether the interval excludes 1. INVALID rows have no ratio. Accuracy is compared picture by picture\n"
      "where both measured the same pictures.\n\n"
      "Example:\n  octet compare study-monday study-tuesday");
  command->callback([options, &selected] { selected = [options] { return run(*options); }; });
}

}  // namespace octet::tools
