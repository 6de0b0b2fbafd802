#include "tools/octet/check_integers.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <span>

#include "lab/bench/random.h"
#include "lab/bench/synthetic_images.h"
#include "lab/data/drawn_images.h"
#include "octet/hash.h"
#include "octet/machine.h"

namespace octet::tools {
namespace {

constexpr int kBatches[] = {1, 3, 8};
constexpr int kLargestBatch = 8;
/// The generic kernels are slow on purpose of being plainly right: they get so many images of a network that
/// a pass takes some seconds.
constexpr std::int64_t kGenericMacs = 4'000'000'000;

struct Inputs {
  int images = 0;
  std::string what;
  std::vector<float> values;         // FP32 NCHW
  std::vector<std::uint8_t> pixels;  // u8 NHWC; empty where the calibration knows no mean
};

const TensorCalibration* pictures_of(const Network& network, const UsedCalibration& calibration) {
  const TensorCalibration* input = calibration.calibration->find_tensor(network.inputs().front().name);
  return input != nullptr && !input->pixel_mean.empty() ? input : nullptr;
}

/// Drawn pictures where the input takes three channels, else noise.
std::vector<std::uint8_t> make_pixels(const Shape& shape, int images, std::uint64_t seed) {
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(shape.elements_per_image() * images));
  if (shape[1] != 3) {
    for (std::size_t i = 0; i < pixels.size(); ++i)
      pixels[i] = static_cast<std::uint8_t>(lab::random_at(seed, i) >> 56);
    return pixels;
  }
  lab::Preprocessing preprocessing;
  preprocessing.crop_height = static_cast<int>(shape[2]);
  preprocessing.crop_width = static_cast<int>(shape[3]);
  preprocessing.resize = std::max(preprocessing.crop_height, preprocessing.crop_width);
  const auto elements = static_cast<std::size_t>(preprocessing.elements());
  for (int i = 0; i < images; ++i)
    lab::preprocess_u8(lab::draw_image({lab::DrawnSet::kTest, static_cast<std::uint64_t>(i)}), preprocessing,
                       std::span(pixels).subspan(static_cast<std::size_t>(i) * elements, elements));
  return pixels;
}

/// What preprocessing makes of them: planes of channels less their mean.
std::vector<float> less_mean(const std::vector<std::uint8_t>& pixels, const Shape& shape,
                             const std::vector<float>& mean) {
  const std::int64_t channels = shape[1], plane = shape[2] * shape[3];
  const bool one_each_pixel = static_cast<std::int64_t>(mean.size()) > channels;
  std::vector<float> values(pixels.size());
  const std::int64_t images = static_cast<std::int64_t>(pixels.size()) / (channels * plane);
  for (std::int64_t n = 0; n < images; ++n)
    for (std::int64_t c = 0; c < channels; ++c)
      for (std::int64_t i = 0; i < plane; ++i)
        values[static_cast<std::size_t>((n * channels + c) * plane + i)] =
            static_cast<float>(pixels[static_cast<std::size_t>((n * plane + i) * channels + c)]) -
            mean[static_cast<std::size_t>(one_each_pixel ? c * plane + i : c)];
  return values;
}

Inputs make_inputs(const Network& network, const UsedCalibration& calibration, int images,
                   std::uint64_t seed) {
  const Shape shape = single_input(network).shape;
  Inputs inputs;
  inputs.images = std::max(images, kLargestBatch);
  if (const TensorCalibration* pictures = pictures_of(network, calibration)) {
    inputs.what = shape[1] == 3 ? "drawn pictures" : "random pictures";
    inputs.pixels = make_pixels(shape, inputs.images, seed);
    inputs.values = less_mean(inputs.pixels, shape, pictures->pixel_mean);
  } else {
    inputs.what = "synthetic images";
    inputs.values = lab::synthetic_images(shape, inputs.images, seed);
  }
  return inputs;
}

/// The first `images` images, `batch` at a time; the last batch may be smaller.
template <typename T>
std::vector<float> run_engine(const Engine& engine, const std::vector<T>& input, std::size_t of_one,
                              std::size_t of_output, int images, int batch) {
  std::vector<float> output(of_output * static_cast<std::size_t>(images));
  Context context = engine.create_context();
  for (int done = 0; done < images;) {
    const int count = std::min(batch, images - done);
    const auto first = static_cast<std::size_t>(done), n = static_cast<std::size_t>(count);
    context.run(count, std::span<const T>(input).subspan(first * of_one, n * of_one),
                std::span(output).subspan(first * of_output, n * of_output));
    done += count;
  }
  return output;
}

int images_for(Isa isa, std::int64_t macs, int images) {
  if (isa != Isa::kGeneric) return images;
  return static_cast<int>(
      std::clamp<std::int64_t>(kGenericMacs / std::max<std::int64_t>(macs, 1), 1, images));
}

std::vector<int> thread_counts(const EngineOptions& options) {
  if (options.threads > 0 || !options.cpus.empty()) return {options.threads};
  std::vector<int> counts = {1};
  if (describe_machine().cpus.size() > 1) counts.push_back(2);
  return counts;
}

void compare_with_fp32(const std::vector<float>& got, const std::vector<float>& expected,
                       IntegerCheck& check) {
  double range = 0, worst = 0, signal = 0, noise = 0;
  const std::size_t of_one = expected.size() / static_cast<std::size_t>(check.images);
  int same = 0;
  for (int n = 0; n < check.images; ++n) {
    const auto from = static_cast<std::ptrdiff_t>(static_cast<std::size_t>(n) * of_one);
    const auto top = [&](const std::vector<float>& values) {
      const auto begin = values.begin() + from;
      return std::max_element(begin, begin + static_cast<std::ptrdiff_t>(of_one)) - begin;
    };
    same += top(got) == top(expected);
  }
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double difference = static_cast<double>(got[i]) - expected[i];
    range = std::max(range, std::abs(static_cast<double>(expected[i])));
    worst = std::isfinite(difference) ? std::max(worst, std::abs(difference))
                                      : std::numeric_limits<double>::infinity();
    signal += static_cast<double>(expected[i]) * expected[i];
    noise += difference * difference;
    if (std::isinf(worst)) break;
  }
  check.max_error = range > 0 ? worst / range : worst;
  check.sqnr_db = noise > 0 ? 10 * std::log10(signal / noise) : std::numeric_limits<double>::infinity();
  check.agreement = 100.0 * same / check.images;
}

}  // namespace

bool promises_same_bytes(const Network& network, Precision precision, const UsedCalibration& calibration) {
  const bool by_layer =
      precision == Precision::kMixed ||
      (precision == Precision::kInt8 && calibration.calibration->method == CalibrationMethod::kFile);
  if (!by_layer) return precision == Precision::kInt8 || precision == Precision::kInt16;
  const std::vector<LayerInfo> layers = network.layers();
  return std::none_of(layers.begin(), layers.end(), [&](const LayerInfo& layer) {
    if (layer.macs == 0) return false;  // softmax and the like are FP32 with fixed arithmetic
    const LayerCalibration* own = calibration.calibration->find_layer(layer.name);
    return own != nullptr && own->precision != Precision::kInt8 && own->precision != Precision::kInt16;
  });
}

IntegerCheck check_integers(const Network& network, const EngineOptions& options,
                            const UsedCalibration& calibration, int images, std::uint64_t seed) {
  const Inputs inputs = make_inputs(network, calibration, images, seed);
  const auto of_input = static_cast<std::size_t>(single_input(network).shape.elements_per_image());
  const auto of_output = static_cast<std::size_t>(single_output(network).shape.elements_per_image());
  std::int64_t macs = 0;
  for (const LayerInfo& layer : network.layers()) macs += layer.macs;

  IntegerCheck check;
  check.input = inputs.what;
  std::vector<float> reference;  // the longest output so far; shorter ones are of its first images
  const auto note = [&](IntegerRun run, const std::vector<float>& output) {
    run.output_hash = hash_bytes(std::as_bytes(std::span(output).first(of_output)));
    const std::size_t common = std::min(output.size(), reference.size());
    // Bytes, not values: -0 equals 0 and is another result.
    run.same = common == 0 || std::memcmp(output.data(), reference.data(), common * sizeof(float)) == 0;
    check.identical = check.identical && run.same;
    if (output.size() > reference.size()) reference = output;
    check.runs.push_back(std::move(run));
  };
  const auto run_all = [&](EngineOptions forced, int count) {
    forced.batch = std::min(count, kLargestBatch);
    const auto about = [&](const Engine& engine, int batch, bool pixels) {
      IntegerRun run;
      run.device = engine.device(), run.target = engine.target(), run.threads = engine.threads();
      run.batch = batch, run.pixels = pixels, run.images = count;
      return run;
    };
    {
      const Engine engine = build_engine(network, forced, calibration);
      for (const int batch : kBatches) {
        if (batch > forced.batch) break;
        note(about(engine, batch, false),
             run_engine(engine, inputs.values, of_input, of_output, count, batch));
      }
    }
    if (inputs.pixels.empty()) return;
    forced.pixel_input = true;
    const Engine engine = build_engine(network, forced, calibration);
    note(about(engine, forced.batch, true),
         run_engine(engine, inputs.pixels, of_input, of_output, count, forced.batch));
  };
  // First, so that a device that cannot be used is not found out after all the others.
  if (parse_device(options.device).kind != Device::Kind::kCpu) run_all(options, inputs.images);
  for (const IsaStatus& status : describe_machine().isas) {
    if (!status.usable || (options.isa != "auto" && options.isa != to_string(status.isa))) continue;
    const int count = images_for(status.isa, macs, inputs.images);
    for (const int threads : thread_counts(options)) {
      EngineOptions forced = options;
      forced.device = "cpu";
      forced.isa = to_string(status.isa);
      forced.threads = threads;
      run_all(forced, count);
    }
  }
  EngineOptions fp32 = options;
  fp32.device = "cpu";
  fp32.precision = "fp32";
  fp32.batch = kLargestBatch;
  check.images = static_cast<int>(reference.size() / of_output);
  compare_with_fp32(reference,
                    run_engine(build_engine(network, fp32, {}), inputs.values, of_input, of_output,
                               check.images, kLargestBatch),
                    check);
  return check;
}

}  // namespace octet::tools
