// XXH3-64 over bytes, printed as 16 hex digits: the signature of networks, engines and outputs.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

struct XXH3_state_s;

namespace octet::base {

/// XXH3-64 of the bytes.
std::uint64_t hash64(std::span<const std::byte> bytes);

class Hasher {
 public:
  Hasher();
  ~Hasher();
  Hasher(const Hasher&) = delete;
  Hasher& operator=(const Hasher&) = delete;

  void add_bytes(const void* data, std::size_t bytes);
  /// Length first, so that ("ab","c") and ("a","bc") differ.
  void add(std::string_view text);
  void add(std::int64_t value) { add_bytes(&value, sizeof value); }
  void add(double value) { add_bytes(&value, sizeof value); }
  void add(std::span<const float> values) { add_bytes(values.data(), values.size_bytes()); }
  std::string hex() const;

 private:
  XXH3_state_s* state_;
};

}  // namespace octet::base
