// octet run: the network on a NumPy array or on picture files, batch by batch.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <utility>

#include "lab/calibration/calibration_images.h"
#include "octet/error.h"
#include "tools/octet/command.h"
#include "tools/octet/common_options.h"
#include "tools/octet/picture_sets.h"
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
  std::string images;
  std::string list;
  std::string output;
};

/// What the network runs on, as its input.
class ImageSource {
 public:
  virtual ~ImageSource() = default;
  virtual std::int64_t images() const = 0;
  /// Null where the values are the network's input as they are.
  virtual const lab::Preprocessing* preprocessing() const = 0;
  /// The next `count` images, of which there are so many.
  virtual void read(int count, std::span<float> values) = 0;
};

/// FP32 arrays as they are, u8 pictures through preprocessing.
class ArrayImages : public ImageSource {
 public:
  /// Subject: Network or Engine.
  template <class Subject>
  ArrayImages(const RunArguments& options, const Subject& subject)
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

  std::int64_t images() const override { return reader_.header().shape[0]; }
  const lab::Preprocessing* preprocessing() const override {
    return reader_.header().type == DataType::kUInt8 ? &preprocessing_ : nullptr;
  }

  void read(int count, std::span<float> values) override {
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

class FileImages : public ImageSource {
 public:
  template <class Subject>
  FileImages(const RunArguments& options, const Subject& subject)
      : FileImages(list_pictures(options.images, options.list), make_preprocessing(options.pictures, subject),
                   single_input(subject)) {}

  std::int64_t images() const override { return images_; }
  const lab::Preprocessing* preprocessing() const override { return &preprocessing_; }

  void read(int count, std::span<float> values) override {
    const auto elements = static_cast<std::size_t>(input_.shape.elements_per_image());
    for (int done = 0; done < count;) {
      const int got = pictures_.next(count - done, values.subspan(static_cast<std::size_t>(done) * elements));
      if (got == 0) throw Error(ErrorCode::kInternal, "run: pictures ended early");
      done += got;
    }
  }

 private:
  FileImages(lab::Dataset pictures, lab::Preprocessing preprocessing, TensorInfo input)
      : images_(static_cast<std::int64_t>(pictures.size())),
        input_(std::move(input)),
        preprocessing_(std::move(preprocessing)),
        pictures_(std::move(pictures), preprocessing_, {}) {}

  std::int64_t images_;
  TensorInfo input_;
  lab::Preprocessing preprocessing_;
  lab::PictureImages pictures_;
};

template <class Subject>
std::unique_ptr<ImageSource> open_source(const RunArguments& options, const Subject& subject) {
  if (options.images.empty()) return std::make_unique<ArrayImages>(options, subject);
  return std::make_unique<FileImages>(options, subject);
}

Engine open_engine(const RunArguments& options, std::unique_ptr<ImageSource>& source) {
  if (is_saved_engine(options.network.net)) {
    Engine engine = load_engine(options.network, options.engine);
    source = open_source(options, engine);
    if (source->preprocessing() != nullptr)
      check_preprocessing(engine, *source->preprocessing(), options.engine.force);
    return engine;
  }
  const Network network = open_network(options.network, memory_limit_of(options.engine));
  source = open_source(options, network);
  single_output(network);  // says what is wrong with it before anything is built
  return build_engine(
      network, options.engine,
      find_calibration(network, options.engine, options.network.seed, source->preprocessing()));
}

int run(const RunArguments& options) {
  if (options.input.empty() == options.images.empty())
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("expected one of --input X.npy and --images DIR, got {}",
                            options.input.empty() ? "none" : "both"));
  check_listed(options.images, options.list);
  std::unique_ptr<ImageSource> opened;
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
      program.add_subcommand("run", "the network on a NumPy array (.npy) or on pictures, any number of them");
  add_network_options(*command, options->network);
  command->add_option("--input", options->input, "FP32 N x C x H x W, or u8 pictures N x H x W x 3 (R, G, B)")
      ->type_name("X.npy");
  command->add_option("--images", options->images, "folder of pictures, in place of --input")
      ->type_name("DIR");
  command
      ->add_option("--list", options->list,
                   "Caffe's val.txt: which pictures of the folder, in which order; without it all by name")
      ->type_name("FILE");
  command->add_option("-o,--output", options->output, "where the FP32 output goes, N first")
      ->type_name("Y.npy")
      ->required();
  add_picture_options(*command, options->pictures);
  add_engine_options(*command, options->engine);
  command->footer(
      "FP32 arrays are the network's input as it is; u8 pictures are resized, cropped and freed of their "
      "mean\n"
      "by --protocol like picture files. --tensor with the input's name writes pictures as the network gets "
      "them.\n\n"
      "NET may be a saved engine (octet build).\n\n"
      "Example:\n  octet run resnet-50 --input x.npy -o y.npy --batch 8");
  command->callback([options, &selected] { selected = [options] { return run(*options); }; });
}

}  // namespace octet::tools
