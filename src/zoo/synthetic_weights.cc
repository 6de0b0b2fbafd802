#include "zoo/synthetic_weights.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <string_view>
#include <thread>
#include <vector>

#include "base/thread_pool.h"
#include "zoo/signal_size.h"

namespace octet::zoo {
namespace {

/// The finaliser of SplitMix64 (Steele, Lea, Flood 2014): a bijection that spreads every input bit.
std::uint64_t mix(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

/// FNV-1a over the name, then the seed and the blob's index: where this blob's sequence of numbers starts.
std::uint64_t sequence_key(std::uint64_t seed, std::string_view layer, std::size_t blob) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (char c : layer) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return mix(mix(mix(hash) ^ seed) + blob);
}

/// The four 16-bit pieces of `bits`, added up in two halves: two in the low 32 bits, two in the high.
std::uint64_t add_pieces(std::uint64_t bits) {
  constexpr std::uint64_t kEven = 0x0000ffff0000ffffu;
  return (bits & kEven) + ((bits >> 16) & kEven);
}

/// Element `index` of a sequence of standard normal numbers, times 65536, as an integer: the sum of twelve
/// uniform 16-bit integers less its mean. Its variance is 2^32 - 1, so 65536 is one deviation; it ends at
/// six.
std::int32_t normal_at(std::uint64_t key, std::uint64_t index) {
  constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15u;
  const std::uint64_t start = key + 3 * index * kGolden;
  const std::uint64_t halves =
      add_pieces(mix(start)) + add_pieces(mix(start + kGolden)) + add_pieces(mix(start + 2 * kGolden));
  const auto sum = static_cast<std::int32_t>((halves & 0xffffffffu) + (halves >> 32));
  return sum - 6 * 65535;
}

/// A piece of a blob, small enough to share the work out evenly.
struct Piece {
  float* values;  // of the whole blob
  std::uint64_t begin, end;
  std::uint64_t key;
  Distribution distribution;
};

void fill(const Piece& piece) {
  // Two roundings, a product and a sum, the same everywhere (the build forbids fusing them).
  const auto mean = static_cast<float>(piece.distribution.mean);
  const auto unit = static_cast<float>(piece.distribution.deviation / 65536);
  for (std::uint64_t i = piece.begin; i < piece.end; ++i) {
    piece.values[i] = mean + unit * static_cast<float>(normal_at(piece.key, i));
  }
}

void run_all(const std::vector<Piece>& pieces, int threads) {
  std::atomic<std::size_t> next{0};
  const auto work = [&](int) {
    for (std::size_t i = next++; i < pieces.size(); i = next++) fill(pieces[i]);
  };
  if (threads <= 0) threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  threads = static_cast<int>(std::min<std::size_t>(static_cast<std::size_t>(threads), pieces.size()));
  if (threads <= 1) return work(0);
  base::ThreadPool(threads).run(work);
}

}  // namespace

void fill_synthetic_weights(graph::Graph& graph, std::uint64_t seed, int threads) {
  constexpr std::uint64_t kPiece = 1 << 16;
  const std::vector<std::vector<Distribution>> plan = plan_weights(graph);
  std::vector<Piece> pieces;
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    graph::Node& node = graph.nodes[n];
    for (std::size_t blob = 0; blob < node.weights.size(); ++blob) {
      graph::Weights& weights = node.weights[blob];
      if (!weights.missing()) continue;
      const auto count = static_cast<std::uint64_t>(weights.shape().elements());
      auto storage = std::make_shared<base::AlignedBuffer>(count * sizeof(float));
      const std::uint64_t key = sequence_key(seed, node.name, blob);
      for (std::uint64_t begin = 0; begin < count; begin += kPiece) {
        pieces.push_back({storage->floats(), begin, std::min(count, begin + kPiece), key, plan[n].at(blob)});
      }
      weights = graph::Weights(weights.shape(), std::move(storage));
      graph.synthetic_weights = true;
    }
  }
  run_all(pieces, threads);
}

}  // namespace octet::zoo
