// octet_soak: runs of all kinds, mixed by a seed, for as long as is asked for, and a look at what the process
// holds after each of them. A program that grows is found out: whatever is held once every kind of run has
// been seen a few times must be all that is ever held between two runs.
//
//   octet_soak --minutes 30 [--seed 1]
//
// Prints a line now and then; ends with 0, or with 1 on growth, a wrong result or a thrown error.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <optional>
#include <random>
#include <thread>

#include "lab/data/drawn_images.h"
#include "lab/data/image.h"
#include "lab/data/png_writer.h"
#include "lab/data/protocol.h"
#include "octet/octet.h"
#include "tests/support/process_resources.h"
#include "tests/support/repeated_images.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/tensors.h"

namespace octet::test {
namespace {

using Clock = std::chrono::steady_clock;
using Images = std::vector<float>;

// Growth is what passes the most that was held during the first quarter of the time by more than this: what
// threads happen to keep in their caches counts as allocated, and how blocks of changing sizes fall into the
// pages of the C library's arenas decides what is resident.
constexpr std::int64_t kMostAllocated = 64 << 10;
constexpr std::int64_t kMostResident = 32 << 20;
constexpr double kWarmUpShare = 0.25;
constexpr int kWarmUpRounds = 5;  // of every kind of run, at least

struct Held {
  std::int64_t allocated = 0, resident = 0;
  std::size_t descriptors = 0, threads = 0;

  static Held now(std::size_t expected_threads) {
    Held held;
    held.allocated = allocated_bytes();
    held.resident = resident_bytes();
    held.descriptors = count_descriptors();
    held.threads = count_threads_once([&](std::size_t n) { return n <= expected_threads; });
    return held;
  }
  void raise_to(const Held& other) {
    allocated = std::max(allocated, other.allocated);
    resident = std::max(resident, other.resident);
  }
};

class Soak {
 public:
  explicit Soak(std::uint32_t seed) : random_(seed) {
    for (const char* name : {"octet-20", "squeezenet-1.0", "googlenet"}) {
      Subject& subject = subjects_.emplace_back();
      subject.network.emplace(Network::zoo(name));
      const Shape shape = subject.network->inputs().front().shape;
      subject.image = static_cast<std::size_t>(shape.elements_per_image());
      subject.scores =
          static_cast<std::size_t>(subject.network->outputs().front().shape.elements_per_image());
      subject.images = random_floats(kMaxBatch * subject.image, seed, -128, 127);
      subject.calibration = calibrate_on(subject, CalibrationMethod::kMse, 2);
      // Memory of their full size from the start: the soak itself must not grow.
      subject.hashes.assign(kWays, std::string(16, ' '));
    }
    lab::write_png(picture_, lab::draw_image(lab::DrawnPicture{lab::DrawnSet::kTest, 7}));
  }

  struct Kind {
    const char* name;
    void (Soak::*run)();
  };
  static constexpr int kKinds = 6;
  const Kind& kind(int i) const {
    static constexpr Kind kinds[kKinds] = {
        {"build", &Soak::build_and_run},      {"save", &Soak::save_and_load}, {"share", &Soak::share},
        {"calibrate", &Soak::calibrate_once}, {"decode", &Soak::decode},      {"refuse", &Soak::refuse}};
    return kinds[i];
  }
  void run(int i) { (this->*kind(i).run)(); }
  int pick(int count) { return static_cast<int>(random_() % static_cast<std::uint32_t>(count)); }
  std::size_t wrong() const { return wrong_; }

 private:
  static constexpr int kMaxBatch = 4, kMostThreads = 3;
  static constexpr std::array kPrecisions = {Precision::kFloat32, Precision::kBFloat16, Precision::kInt8,
                                             Precision::kInt16};
  static constexpr std::size_t kWays = kPrecisions.size() * 2 * (kMaxBatch + 1) * (kMostThreads + 1);
  struct Subject {
    std::optional<Network> network;
    std::size_t image = 0, scores = 0;
    Images images;
    std::shared_ptr<const Calibration> calibration;
    std::vector<std::string> hashes;  ///< of an output, by how it was computed; blank while it was not
  };

  Subject& any_subject() {
    return subjects_[static_cast<std::size_t>(pick(static_cast<int>(subjects_.size())))];
  }

  std::shared_ptr<const Calibration> calibrate_on(const Subject& subject, CalibrationMethod method,
                                                  int threads) {
    RepeatedImages images(
        {subject.images.begin(), subject.images.begin() + static_cast<std::ptrdiff_t>(2 * subject.image)}, 2);
    CalibrationOptions options;
    options.method = method;
    options.threads = threads;
    return std::make_shared<const Calibration>(calibrate(*subject.network, images, options));
  }

  BuildOptions any_options(const Subject& subject) {
    BuildOptions options;
    options.precision = kPrecisions[static_cast<std::size_t>(pick(static_cast<int>(kPrecisions.size())))];
    options.max_batch = 1 + pick(kMaxBatch);
    options.threads = 1 + pick(kMostThreads);
    options.winograd = pick(4) != 0;
    if (options.precision == Precision::kInt8 || options.precision == Precision::kInt16)
      options.calibration = subject.calibration;
    return options;
  }

  /// The first image's scores must be what they were the last time that they were computed this way.
  void run_and_check(Subject& subject, const Engine& engine, const BuildOptions& built) {
    Context context = engine.create_context();
    const int batch = 1 + pick(engine.max_batch());
    std::vector<float> scores(subject.scores * static_cast<std::size_t>(batch));
    context.run(batch, std::span(subject.images).first(subject.image * static_cast<std::size_t>(batch)),
                scores);
    const std::string hash = hash_bytes(std::as_bytes(std::span(scores).first(subject.scores)));
    std::string& before = subject.hashes[way(built)];
    if (before.front() == ' ') before = hash;
    if (before == hash) return;
    fmt::print("WRONG: {} {}, batch {} of {}, {} threads: {}, before {}\n", engine.network_name(),
               to_string(engine.precision()), batch, engine.max_batch(), engine.threads(), hash, before);
    ++wrong_;
  }

  /// Integers are the same however they are computed; floating-point sums follow the kernels, which are
  /// chosen for the batch and the threads that an engine was built for, whatever it is loaded for and run
  /// with.
  static std::size_t way(const BuildOptions& built) {
    const bool integers = built.precision == Precision::kInt8 || built.precision == Precision::kInt16;
    auto number = std::find(kPrecisions.begin(), kPrecisions.end(), built.precision) - kPrecisions.begin();
    number = number * 2 + (built.winograd ? 1 : 0);
    number = number * (kMaxBatch + 1) + (integers ? 0 : built.max_batch);
    return static_cast<std::size_t>(number * (kMostThreads + 1) + (integers ? 0 : built.threads));
  }

  // ---- the kinds of runs

  void build_and_run() {
    Subject& subject = any_subject();
    const BuildOptions options = any_options(subject);
    const Engine engine = Engine::build(*subject.network, options);
    for (int i = pick(3); i >= 0; --i) run_and_check(subject, engine, options);
  }

  void save_and_load() {
    Subject& subject = any_subject();
    const BuildOptions options = any_options(subject);
    const std::filesystem::path file = directory_.path() / "e.octet";
    Engine::build(*subject.network, options).save(file);
    const Engine engine =
        Engine::load(file, {.max_batch = 1 + pick(kMaxBatch), .threads = 1 + pick(kMostThreads)});
    run_and_check(subject, engine, options);
  }

  /// Contexts of one engine, each on a thread of its own.
  void share() {
    Subject& subject = any_subject();
    BuildOptions options = any_options(subject);
    const Engine engine = Engine::build(*subject.network, options);
    std::vector<std::thread> callers;
    for (int t = 1 + pick(4); t > 0; --t) {
      callers.emplace_back([&subject, &engine] {
        Context context = engine.create_context();
        std::vector<float> scores(subject.scores);
        for (int i = 0; i < 3; ++i) context.run(1, std::span(subject.images).first(subject.image), scores);
      });
    }
    for (std::thread& caller : callers) caller.join();
  }

  void calibrate_once() {
    static constexpr CalibrationMethod kMethods[] = {CalibrationMethod::kMse, CalibrationMethod::kMinMax,
                                                     CalibrationMethod::kEntropy};
    Subject& subject = subjects_[0];  // the small one
    const auto calibration = calibrate_on(subject, kMethods[pick(3)], 1 + pick(2));
    calibration->save(directory_.path() / "c.json");
    if (Calibration::load(directory_.path() / "c.json").hash() != calibration->hash()) ++wrong_;
  }

  void decode() {
    const lab::Image image = lab::decode_image(picture_);
    lab::Preprocessing preprocessing;
    preprocessing.protocol = lab::kAllProtocols[pick(3)];
    std::vector<float> input(static_cast<std::size_t>(preprocessing.elements()));
    lab::preprocess(image, preprocessing, input);
  }

  /// What is thrown must leave nothing behind either.
  void refuse() {
    Subject& subject = any_subject();
    BuildOptions options = any_options(subject);
    options.memory_limit = 1 << 10;
    try {
      const Engine engine = Engine::build(*subject.network, options);
      ++wrong_;
    } catch (const Error&) {
    }
  }

  std::mt19937 random_;
  TemporaryDirectory directory_;
  std::filesystem::path picture_ = directory_.path() / "p.png";
  std::vector<Subject> subjects_;
  std::size_t wrong_ = 0;
};

void print(double minutes, long runs, const Held& held) {
  fmt::print(
      "{:6.2f} min  {:7} runs  resident {:6.1f} MiB  allocated {:10} bytes  descriptors {}  threads {}\n",
      minutes, runs, static_cast<double>(held.resident) / (1 << 20), held.allocated, held.descriptors,
      held.threads);
  std::fflush(stdout);
}

bool grew(const Held& held, const Held& bound) {
  return held.descriptors > bound.descriptors || held.threads > bound.threads ||
         (kMemoryIsCounted && (held.allocated > bound.allocated + kMostAllocated ||
                               held.resident > bound.resident + kMostResident));
}

int soak(double minutes, std::uint32_t seed) {
  if (!kMemoryIsCounted) fmt::print("memory is not looked at: a sanitizer has replaced the allocator\n");
  const auto start = Clock::now();
  const auto elapsed = [&] {
    return std::chrono::duration<double, std::ratio<60>>(Clock::now() - start).count();
  };
  const std::size_t threads = count_threads();
  Soak soak(seed);
  Held bound = Held::now(threads);
  long runs = 0;
  double printed = 0;
  const auto step = [&](int kind) {
    soak.run(kind);
    ++runs;
    const Held held = Held::now(threads);
    if (elapsed() - printed > std::max(0.05, minutes / 60)) print(printed = elapsed(), runs, held);
    return held;
  };
  for (int i = 0; i < kWarmUpRounds * Soak::kKinds; ++i) bound.raise_to(step(i % Soak::kKinds));
  while (elapsed() < kWarmUpShare * minutes) bound.raise_to(step(soak.pick(Soak::kKinds)));
  fmt::print("from here on, growth over this counts:\n");
  print(elapsed(), runs, bound);
  while (elapsed() < minutes) {
    const int kind = soak.pick(Soak::kKinds);
    const Held held = step(kind);
    if (!grew(held, bound)) continue;
    print(elapsed(), runs, held);
    fmt::print("GREW in or before '{}' (bounds: {} bytes allocated, {} resident)\n", soak.kind(kind).name,
               kMostAllocated, kMostResident);
    return EXIT_FAILURE;
  }
  print(elapsed(), runs, Held::now(threads));
  if (soak.wrong() > 0) fmt::print("{} results differed\n", soak.wrong());
  return soak.wrong() == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace
}  // namespace octet::test

int main(int argc, char** argv) {
  double minutes = 0;
  std::uint32_t seed = 1;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::string_view(argv[i]) == "--minutes") minutes = std::strtod(argv[i + 1], nullptr);
    if (std::string_view(argv[i]) == "--seed")
      seed = static_cast<std::uint32_t>(std::strtoul(argv[i + 1], nullptr, 10));
  }
  if (!(minutes > 0)) {
    fmt::print(stderr, "usage: octet_soak --minutes M [--seed N]\n");
    return 2;
  }
  try {
    return octet::test::soak(minutes, seed);
  } catch (const std::exception& error) {
    fmt::print(stderr, "octet_soak: {}\n", error.what());
    return EXIT_FAILURE;
  }
}
