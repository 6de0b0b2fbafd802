// Bytes as a sequence of choices: what a generator asks of a fuzzer. Zeros when they are used up, so that
// every input means something and a short one something simple.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace octet::fuzz {

class ByteChoices {
 public:
  explicit ByteChoices(std::span<const std::byte> bytes) : rest_(bytes) {}

  bool used_up() const { return rest_.empty(); }
  std::uint8_t byte() {
    if (rest_.empty()) return 0;
    const auto value = static_cast<std::uint8_t>(rest_.front());
    rest_ = rest_.subspan(1);
    return value;
  }
  /// low to high, both included, at most 256 of them.
  std::int64_t pick(std::int64_t low, std::int64_t high) { return low + byte() % (high - low + 1); }
  bool flag() { return byte() % 2 == 1; }
  template <class T, std::size_t N>
  T of(const T (&values)[N]) {
    return values[static_cast<std::size_t>(byte()) % N];
  }

 private:
  std::span<const std::byte> rest_;
};

}  // namespace octet::fuzz
