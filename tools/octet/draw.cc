// octet draw: the laboratory's own labelled pictures as files, for training and for a look at them.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <optional>
#include <system_error>

#include "lab/data/drawn_images.h"
#include "lab/data/png_writer.h"
#include "lab/support/files.h"
#include "octet/error.h"
#include "tools/octet/command.h"
#include "tools/support/npy.h"
#include "tools/support/progress.h"

namespace octet::tools {
namespace {

struct DrawArguments {
  std::string set = "test";
  std::uint64_t count = 1000;
  std::uint64_t first = 0;
  std::string output;
  std::string labels;
  std::string images;
};

/// The pictures as one array, and their labels as another.
void write_arrays(const DrawArguments& options, const lab::Dataset& pictures) {
  const auto count = static_cast<std::int64_t>(pictures.size());
  std::optional<NpyWriter> images, labels;
  if (!options.output.empty())
    images.emplace(options.output, Shape{count, lab::kDrawnSide, lab::kDrawnSide, 3}, DataType::kUInt8);
  if (!options.labels.empty()) labels.emplace(options.labels, Shape{count}, DataType::kUInt8);
  std::vector<std::uint8_t> rgb(lab::kDrawnBytes);
  Progress progress("draw");
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    if (images) {
      lab::draw_image(*pictures[i].drawn, rgb);
      images->write(std::span<const std::uint8_t>(rgb));
    }
    const auto label = static_cast<std::uint8_t>(*pictures[i].label);
    if (labels) labels->write(std::span(&label, 1));
    progress.update(static_cast<double>(i + 1) / static_cast<double>(count),
                    fmt::format("{} of {} pictures", i + 1, count));
  }
  if (images) images->finish();
  if (labels) labels->finish();
}

/// One PNG a picture; then val.txt (Caffe's list) and classes.txt, one name a line.
void write_folder(const std::filesystem::path& folder, const lab::Dataset& pictures) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error)
    throw Error(ErrorCode::kIo, fmt::format("{}: cannot be created: {}", folder.string(), error.message()));
  std::string list, classes;
  Progress progress("draw");
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    lab::write_png(folder / pictures[i].path, lab::load_image(pictures[i]));
    list += fmt::format("{} {}\n", pictures[i].path.string(), *pictures[i].label);
    progress.update(static_cast<double>(i + 1) / static_cast<double>(pictures.size()),
                    fmt::format("{} of {} pictures", i + 1, pictures.size()));
  }
  for (int label = 0; label < lab::kDrawnClasses; ++label) classes += lab::drawn_class_name(label) + '\n';
  lab::write_file(folder / "classes.txt", classes);
  lab::write_file(folder / "val.txt", list);
}

int run(const DrawArguments& options) {
  if (options.output.empty() && options.labels.empty() && options.images.empty())
    throw Error(ErrorCode::kInvalidArgument,
                "draw: where should the pictures go? expected -o X.npy, --labels Y.npy or --images DIR");
  const lab::Dataset pictures =
      lab::drawn_dataset(lab::parse_drawn_set(options.set), options.count, options.first);
  if (!options.output.empty() || !options.labels.empty()) write_arrays(options, pictures);
  if (!options.images.empty()) write_folder(options.images, pictures);
  return 0;
}

}  // namespace

void add_draw(CLI::App& program, Run& selected) {
  auto options = std::make_shared<DrawArguments>();
  CLI::App* command =
      program.add_subcommand("draw", "labelled pictures of octet-20, drawn from their numbers");
  command->add_option("--set", options->set, "train, validation, calibration or test: no picture is in two")
      ->type_name("SET");
  command->add_option("--count", options->count, "how many pictures")->type_name("N");
  command->add_option("--first", options->first, "number of the first one")->type_name("N");
  command->add_option("-o,--output", options->output, "u8 array N x 40 x 40 x 3 (R, G, B)")
      ->type_name("X.npy");
  command->add_option("--labels", options->labels, "u8 array of N labels")->type_name("Y.npy");
  command->add_option("--images", options->images, "folder for PNG files, val.txt and classes.txt")
      ->type_name("DIR");
  command->footer(
      "The same set and number give the same picture on every machine.\n\n"
      "Example:\n  octet draw --set test --count 1000 --images drawn\n"
      "  octet accuracy octet-20 --images drawn --labels drawn/val.txt");
  command->callback([options, &selected] { selected = [options] { return run(*options); }; });
}

}  // namespace octet::tools
