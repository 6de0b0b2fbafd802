#include "lab/peers/peer_system.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <span>
#include <utility>

#include "lab/peers/images_file.h"
#include "lab/peers/worker.h"
#include "lab/support/files.h"
#include "lab/support/json.h"
#include "lab/support/suggest.h"
#include "octet/error.h"
#include "octet/hash.h"

namespace octet::lab {
namespace fs = std::filesystem;
namespace {

class PeerSystem final : public SystemUnderTest {
 public:
  PeerSystem(PeerModels& models, const Network& network, const PeerSettings& settings)
      : folder_(models.folder()),
        timeout_s_(models.timeout_s()),
        output_elements_(network.outputs().front().shape.elements_per_image()),
        worker_(models.environment().python.string(), name_of(settings), models.while_waiting()) {
    const bool int8 = settings.precision == Precision::kInt8;
    const Json loaded = worker_.ask({{"do", "load"},
                                     {"engine", settings.engine},
                                     {"way", settings.way},
                                     {"model", (int8 ? models.int8(network) : models.fp32(network)).string()},
                                     {"threads", settings.threads},
                                     {"batch", settings.max_batch},
                                     {"cpus", settings.cpus}},
                                    timeout_s_);
    info_.engine = settings.engine;
    info_.way = settings.way;
    info_.network = network.name();
    info_.precision = to_string(settings.precision);
    info_.max_batch = settings.max_batch;
    info_.threads = settings.threads;
    if (int8) info_.calibration = models.int8_calibration();
    info_.version = get<std::string>(loaded, "version");
    batches_per_call_ = get<int>(loaded, "batches_per_call");
    Shape shape = network.inputs().front().shape;
    shape[0] = settings.max_batch;
    const ImagesFile images(folder_, shape, models.seed());
    worker_.ask({{"do", "input"}, {"file", images.path().string()}, {"shape", shape.dims()}}, timeout_s_);
  }

  const SystemInfo& info() const override { return info_; }

  void run(int batch) override { call(batch, 1); }

  void run_timed(int batch, int count, Clock& /*its own process has the clock*/,
                 std::vector<Call>& calls) override {
    const Json answer = call(batch, count);
    const auto start = get<std::vector<Nanoseconds>>(answer, "start_ns");
    const auto stop = get<std::vector<Nanoseconds>>(answer, "stop_ns");
    if (start.size() != static_cast<std::size_t>(count) || stop.size() != start.size())
      throw Error(ErrorCode::kIo, fmt::format("{}: expected the times of {} calls, got {} and {}",
                                              worker_.name(), count, start.size(), stop.size()));
    for (std::size_t i = 0; i < start.size(); ++i)
      calls.push_back({start[i], stop[i], batch * batches_per_call_});
  }

  std::string output_hash() override {
    const std::vector<float> first = outputs(1);
    return hash_bytes(std::as_bytes(std::span(first)));
  }

  /// Of the first images, run at the full batch, for which the engine is made.
  std::vector<float> outputs(int images) {
    const fs::path file = unused_name(folder_, ".outputs");
    const Json answer =
        worker_.ask({{"do", "output"}, {"batch", info_.max_batch}, {"file", file.string()}}, timeout_s_);
    const std::string bytes = read_file(file);
    fs::remove(file);
    const std::size_t expected = static_cast<std::size_t>(output_elements_ * info_.max_batch) * sizeof(float);
    if (bytes.size() != expected)
      throw Error(ErrorCode::kMismatch, fmt::format("{}: expected {} bytes of outputs, got {}",
                                                    worker_.name(), expected, bytes.size()));
    std::vector<float> values(static_cast<std::size_t>(output_elements_ * images));
    std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
    return values;
  }

 private:
  static std::string name_of(const PeerSettings& settings) {
    return settings.way.empty() ? settings.engine : fmt::format("{} ({})", settings.engine, settings.way);
  }

  Json call(int batch, int count) {
    if (batch < 1 || batch > info_.max_batch)
      throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: expected a batch of 1 to {}, got {}",
                                                           worker_.name(), info_.max_batch, batch));
    return worker_.ask({{"do", "run"}, {"batch", batch}, {"count", count}}, timeout_s_);
  }

  template <typename T>
  T get(const Json& answer, const char* key) const {
    try {
      return answer.at(key).get<T>();
    } catch (const Json::exception& error) {
      throw Error(ErrorCode::kIo, fmt::format("{}: bad answer: {}", worker_.name(), error.what()));
    }
  }

  fs::path folder_;
  double timeout_s_;
  std::int64_t output_elements_;
  Worker worker_;
  SystemInfo info_;
  int batches_per_call_ = 1;
};

void check(const PeerEnvironment& environment, const PeerSettings& settings) {
  environment.require(settings.engine);
  if (!peers_run(settings.precision))
    throw Error(ErrorCode::kUnsupported, fmt::format("{} is run in fp32 or int8, not in {}", settings.engine,
                                                     to_string(settings.precision)));
  if (settings.max_batch < 1 || settings.threads < 1)
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: expected a batch and threads of at least 1, got {} and {}", settings.engine,
                            settings.max_batch, settings.threads));
  const std::vector<std::string> ways = peer_ways(settings.engine, 1);
  if (std::find(ways.begin(), ways.end(), settings.way) == ways.end())
    throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: there is no way '{}'{}", settings.engine,
                                                         settings.way, did_you_mean(settings.way, ways)));
}

void require_agreement(PeerSystem& peer, PeerModels& models, const Network& network) {
  const int images = std::min(peer.info().max_batch, PeerModels::kReferenceImages);
  const std::vector<float> outputs = peer.outputs(images);
  std::vector<float> reference = models.reference(network);
  reference.resize(std::min(reference.size(), outputs.size()));
  const OutputAgreement agreement = compare_outputs(outputs, reference, images);
  const SystemInfo& info = peer.info();
  if (info.precision == to_string(Precision::kInt8)) {
    if (agreement.cosine < kInt8LeastCosine)
      throw Error(ErrorCode::kMismatch,
                  fmt::format("{} {} in int8: its outputs differ from Octet's in fp32: cosine {:.3f}, "
                              "expected at least {}",
                              info.engine, info.version, agreement.cosine, kInt8LeastCosine));
  } else if (agreement.error > kFp32Tolerance) {
    throw Error(ErrorCode::kMismatch,
                fmt::format("{} {}: its outputs differ from Octet's by {:.2e} of their range, expected at "
                            "most {:.0e}",
                            info.engine, info.version, agreement.error, kFp32Tolerance));
  }
}

}  // namespace

bool peers_run(Precision precision) {
  return precision == Precision::kFloat32 || precision == Precision::kInt8;
}

std::vector<std::string> peer_ways(std::string_view engine, int batch) {
  if (engine != "openvino") return {""};
  if (batch == 1) return {"latency", "streams"};
  return {"latency"};
}

std::unique_ptr<SystemUnderTest> start_peer(PeerModels& models, const Network& network,
                                            const PeerSettings& settings) {
  check(models.environment(), settings);
  models.reference(network);  // before the peer's process takes its memory
  auto peer = std::make_unique<PeerSystem>(models, network, settings);
  require_agreement(*peer, models, network);
  return peer;
}

OutputAgreement compare_outputs(const std::vector<float>& outputs, const std::vector<float>& reference,
                                int images) {
  if (outputs.size() != reference.size() || images < 1 ||
      outputs.size() % static_cast<std::size_t>(images) != 0)
    throw Error(ErrorCode::kMismatch, fmt::format("outputs of {} images: expected {} numbers, got {}", images,
                                                  reference.size(), outputs.size()));
  OutputAgreement agreement;
  double largest = 0;
  double largest_difference = 0;
  double cosines = 0;
  const std::size_t size = outputs.size() / static_cast<std::size_t>(images);
  for (std::size_t first = 0; first < outputs.size(); first += size) {
    double mean_a = 0;
    double mean_b = 0;
    for (std::size_t i = first; i < first + size; ++i) {
      if (!std::isfinite(outputs[i]) || !std::isfinite(reference[i]))
        throw Error(ErrorCode::kMismatch, "outputs hold something that is not a number");
      mean_a += outputs[i] / static_cast<double>(size);
      mean_b += reference[i] / static_cast<double>(size);
    }
    double ab = 0;
    double aa = 0;
    double bb = 0;
    for (std::size_t i = first; i < first + size; ++i) {
      const double a = outputs[i] - mean_a;
      const double b = reference[i] - mean_b;
      ab += a * b;
      aa += a * a;
      bb += b * b;
      largest = std::max(largest, std::abs(static_cast<double>(reference[i])));
      largest_difference = std::max(
          largest_difference, std::abs(static_cast<double>(outputs[i]) - static_cast<double>(reference[i])));
    }
    // Outputs that are all alike have no direction: they agree with what is all alike too.
    cosines += aa > 0 && bb > 0 ? ab / std::sqrt(aa * bb) : (aa == bb ? 1 : 0);
  }
  agreement.error = largest > 0 ? largest_difference / largest : largest_difference;
  agreement.cosine = cosines / images;
  return agreement;
}

}  // namespace octet::lab
