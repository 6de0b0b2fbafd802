// Saved engines. Their checksums refuse any change, so what was changed is also loaded with the right ones.
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/hash.h"
#include "fuzz/accepts.h"
#include "fuzz/memory_file.h"
#include "fuzz/targets/networks.h"
#include "fuzz/targets/targets.h"
#include "lab/support/files.h"
#include "octet/build_info.h"
#include "octet/engine.h"
#include "save/engine_header.h"
#include "tests/support/temporary_directory.h"

namespace octet::fuzz {
namespace {

constexpr std::uint64_t kMemoryLimit = std::uint64_t{64} << 20;

void load(Input input) {
  const MemoryFile file(input);
  run_small(Engine::load(file.path(), {.max_batch = 2, .threads = 1, .memory_limit = kMemoryLimit}));
}

/// Under a header that agrees with what is behind it, whose sizes are the file's own as far as they make
/// sense.
std::string resealed(Input input) {
  if (input.size() <= save::kPage) return {};
  std::string file(reinterpret_cast<const char*>(input.data()), input.size());
  file.resize(base::round_up(file.size(), save::kPage));
  save::Header header;
  const auto read_header = [&] {
    header = save::decode_header("engine", std::as_bytes(std::span(file)), build_info());
  };
  if (!accepts(read_header)) {
    const std::uint64_t sum = base::hash64(std::as_bytes(std::span(file)).first(save::kHeaderChecksumAt));
    std::memcpy(file.data() + save::kHeaderChecksumAt, &sum, sizeof sum);
    if (!accepts(read_header)) return {};
  }
  const std::uint64_t behind = file.size() - save::kPage;
  if (header.record.bytes > behind) return {};
  const std::uint64_t record = base::round_up(header.record.bytes, save::kPage);
  if (record > behind) return {};
  header.weights.bytes = behind - record;
  const auto bytes = std::as_bytes(std::span(file)).subspan(save::kPage);
  header.record.checksum = base::hash64(bytes.first(record));
  header.weights.checksum = base::hash64(bytes.subspan(record));
  return save::encode_header(header) + file.substr(save::kPage);
}

}  // namespace

bool load_engine(Input input) {
  const bool accepted = accepts([&] { load(input); });
  if (!accepted) {
    if (const std::string sealed = resealed(input); !sealed.empty())
      accepts([&] { load(std::as_bytes(std::span(sealed))); });
  }
  return accepted;
}

Seeds engine_seeds() {
  const test::TemporaryDirectory directory;
  const std::filesystem::path path = directory.path() / "net.engine";
  Seeds seeds;
  for (const Precision precision : {Precision::kFloat32, Precision::kInt8, Precision::kMixed}) {
    small_engine(precision).save(path, {{"label", "seed"}});
    seeds.push_back({std::string(to_string(precision)) + ".engine", lab::read_file(path)});
  }
  return seeds;
}

}  // namespace octet::fuzz
