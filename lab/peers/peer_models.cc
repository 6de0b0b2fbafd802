#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <utility>

#include "lab/bench/synthetic_images.h"
#include "lab/peers/images_file.h"
#include "lab/peers/peer_system.h"
#include "lab/peers/worker.h"
#include "lab/support/files.h"
#include "lab/support/json.h"
#include "octet/engine.h"
#include "octet/error.h"
#include "octet/export.h"

namespace octet::lab {
namespace fs = std::filesystem;
namespace {

constexpr int kCalibrationImages = 8;  // as Octet's own calibration on synthetic images

/// "resnet-50-0123456789abcdef.int8.onnx": a changed network gets another file.
std::string file_name(const Network& network, std::string_view ending) {
  std::string name = network.name();
  for (char& c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '-' && c != '.') c = '_';
  return fmt::format("{}-{}{}", name, network.hash(), ending);
}

void require_one_input_and_output(const Network& network) {
  const std::size_t inputs = network.inputs().size();
  const std::size_t outputs = network.outputs().size();
  if (inputs != 1 || outputs != 1)
    throw Error(ErrorCode::kUnsupported,
                fmt::format("{}: other engines are run on networks of one input and one output, this one has "
                            "{} and {}",
                            network.name(), inputs, outputs));
}

Shape with_images(Shape shape, int images) {
  shape[0] = images;
  return shape;
}

}  // namespace

PeerModels::PeerModels(PeerEnvironment environment, fs::path folder, std::uint64_t seed, double timeout_s,
                       std::function<void()> while_waiting)
    : environment_(std::move(environment)),
      folder_(std::move(folder)),
      seed_(seed),
      timeout_s_(timeout_s),
      while_waiting_(std::move(while_waiting)) {
  make_writable_folder(folder_);
}

fs::path PeerModels::fp32(const Network& network) {
  require_one_input_and_output(network);
  fs::path file = folder_ / file_name(network, ".fp32.onnx");
  if (!fs::exists(file)) export_onnx(network, file);
  return file;
}

fs::path PeerModels::int8(const Network& network) {
  const fs::path file = folder_ / file_name(network, fmt::format(".int8-seed{}.onnx", seed_));
  if (fs::exists(file)) return file;
  if (!environment_.quantizer_missing.empty())
    throw Error(ErrorCode::kNotFound,
                fmt::format("the INT8 model of {} needs ONNX Runtime's quantizer: {}. {}", network.name(),
                            environment_.quantizer_missing, how_to_get_peers()));
  const fs::path model = fp32(network);
  const Shape shape = with_images(network.inputs().front().shape, kCalibrationImages);
  const ImagesFile images(folder_, shape, seed_);
  Worker worker(environment_.python.string(), "ONNX Runtime's quantizer", while_waiting_);
  const fs::path unfinished = file.string() + ".part";
  worker.ask({{"do", "quantize"},
              {"model", model.string()},
              {"result", unfinished.string()},
              {"images", images.path().string()},
              {"shape", shape.dims()}},
             timeout_s_);
  std::error_code error;
  fs::rename(unfinished, file, error);
  if (error)
    throw Error(ErrorCode::kIo,
                fmt::format("{}: the quantizer has not written it: {}", file.string(), error.message()));
  return file;
}

std::string PeerModels::int8_calibration() const {
  return fmt::format("ONNX Runtime's static quantizer, min-max, {} images: synthetic, seed {}",
                     kCalibrationImages, seed_);
}

const std::vector<float>& PeerModels::reference(const Network& network) {
  std::vector<float>& outputs = references_[network.hash()];
  if (outputs.empty()) {
    require_one_input_and_output(network);
    BuildOptions options;
    options.max_batch = kReferenceImages;
    const Engine engine = Engine::build(network, options);
    Context context = engine.create_context();
    const std::vector<float> images =
        synthetic_images(network.inputs().front().shape, kReferenceImages, seed_);
    std::vector<float> results(
        static_cast<std::size_t>(network.outputs().front().shape.elements_per_image() * kReferenceImages));
    context.run(kReferenceImages, images, results);
    outputs = std::move(results);
  }
  return outputs;
}

}  // namespace octet::lab
