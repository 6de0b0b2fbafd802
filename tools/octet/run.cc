// octet run: the network on a NumPy array, batch by batch.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <optional>

#include "octet/error.h"
#include "tools/octet/command.h"
#include "tools/octet/common_options.h"
#include "tools/octet/saved_engine.h"
#include "tools/support/npy.h"
#include "tools/support/progress.h"

namespace octet::tools {
namespace {

struct RunArguments {
  NetworkOptions network;
  EngineOptions engine;
  PictureOptions pictures;
  std::string input;
  std::string output;
};

/// Reads images from the array as the network's input: FP32 as they are, u8 pictures through preprocessing.
class ImageSource {
 public:
  /// Subject: Network or Engine.
  template <class Subject>
  ImageSource(const RunArguments& options, const Subject& subject)
      : reader_(options.input), input_(single_input(subject)) {
    const Shape& shape = reader_.header().shape;
    if (reader_.header().type == DataType::kUInt8) {
      require(shape.rank() == 4 && shape[3] == 3 && shape[0] >= 1 && shape[1] >= 1 && shape[2] >= 1 &&
                  shape[1] <= kMaxSide && shape[2] <= kMaxSide,
              options.input, "u8 pictures N x H x W x 3 (R, G, B)");
      preprocessing_ = make_preprocessing(options.pictures, subject);
      picture_ = lab::make_image(static_cast<int>(shape[2]), static_cast<int>(shape[1]));
    } else {
      Shape expected = input_.shape;
      if (shape.rank() > 0) expected[0] = shape[0];
      require(shape == expected && shape[0] >= 1, options.input,
              fmt::format("N x {}", input_.shape.to_string().substr(input_.shape.to_string().find('x') + 1)));
    }
  }

  std::int64_t images() const { return reader_.header().shape[0]; }
  /// Null where the array holds the network's input as it is.
  const lab::Preprocessing* preprocessing() const {
    return reader_.header().type == DataType::kUInt8 ? &preprocessing_ : nullptr;
  }

  void read(int count, std::span<float> values) {
    if (reader_.header().type == DataType::kFloat32) {
      reader_.read(values);
      return;
    }
    const auto elements = static_cast<std::size_t>(input_.shape.elements_per_image());
    for (int i = 0; i < count; ++i) {
      reader_.read(std::span(picture_.rgb));
      lab::preprocess(picture_, preprocessing_,
                      values.subspan(static_cast<std::size_t>(i) * elements, elements));
    }
  }

 private:
  static constexpr std::int64_t kMaxSide = 1 << 15;

  void require(bool condition, const std::string& file, const std::string& expected) const {
    if (!condition)
      throw Error(ErrorCode::kMismatch,
                  fmt::format("{}: expected {} for input '{}', got {} of {}", file, expected, input_.name,
                              reader_.header().shape.to_string(), to_string(reader_.header().type)));
  }

  NpyReader reader_;
  TensorInfo input_;
  lab::Preprocessing preprocessing_;
  lab::Image picture_;
};

Engine open_engine(const RunArguments& options, std::optional<ImageSource>& source) {
  if (is_saved_engine(options.network.net)) {
    Engine engine = load_engine(options.network, options.engine);
    source.emplace(options, engine);
    if (source->preprocessing() != nullptr)
      check_preprocessing(engine, *source->preprocessing(), options.engine.force);
    return engine;
  }
  const Network network = open_network(options.network);
  source.emplace(options, network);
  single_output(network);  // says what is wrong with it before anything is built
  return build_engine(
      network, options.engine,
      find_calibration(network, options.engine, options.network.seed, source->preprocessing()));
}

int run(const RunArguments& options) {
  std::optional<ImageSource> opened;
  const Engine engine = open_engine(options, opened);
  ImageSource& source = *opened;
  Shape output_shape = single_output(engine).shape;
  Context context = engine.create_context();

  const std::int64_t images = source.images();
  const int batch = static_cast<int>(std::min<std::int64_t>(engine.max_batch(), images));
  const std::int64_t input_elements = single_input(engine).shape.elements_per_image();
  const std::int64_t output_elements = output_shape.elements_per_image();
  std::vector<float> input(static_cast<std::size_t>(batch * input_elements));
  std::vector<float> output(static_cast<std::size_t>(batch * output_elements));
  output_shape[0] = images;
  NpyWriter writer(options.output, output_shape);
  Progress progress("run");
  for (std::int64_t done = 0; done < images;) {
    const int count = static_cast<int>(std::min<std::int64_t>(batch, images - done));
    const auto in = std::span(input).first(static_cast<std::size_t>(count * input_elements));
    const auto out = std::span(output).first(static_cast<std::size_t>(count * output_elements));
    source.read(count, in);
    context.run(count, in, out);
    writer.write(out);
    done += count;
    progress.update(static_cast<double>(done) / static_cast<double>(images),
                    fmt::format("{} of {} images", done, images));
  }
  writer.finish();
  return 0;
}

}  // namespace

void add_run(CLI::App& program, Run& selected) {
  auto options = std::make_shared<RunArguments>();
  CLI::App* command =
      program.add_subcommand("run", "the network on a NumPy array (.npy), any number of images");
  add_network_options(*command, options->network);
  command->add_option("--input", options->input, "FP32 N x C x H x W, or u8 pictures N x H x W x 3 (R, G, B)")
      ->type_name("X.npy")
      ->required();
  command->add_option("-o,--output", options->output, "where the FP32 output goes, N first")
      ->type_name("Y.npy")
      ->required();
  add_picture_options(*command, options->pictures);
  add_engine_options(*command, options->engine);
  command->footer(
      "FP32 arrays are the network's input as it is; u8 pictures are resized, cropped and freed of their "
      "mean\n"
      "by --protocol like picture files.\n\n"
      "NET may be a saved engine (octet build).\n\n"
      "Example:\n  octet run resnet-50 --input x.npy -o y.npy --batch 8");
  command->callback([options, &selected] { selected = [options] { return run(*options); }; });
}

}  // namespace octet::tools
