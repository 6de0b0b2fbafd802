#include "base/hash.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <new>

#include "octet/hash.h"

namespace octet::base {

std::uint64_t hash64(std::span<const std::byte> bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

Hasher::Hasher() : state_(XXH3_createState()) {
  if (state_ == nullptr) throw std::bad_alloc();
  XXH3_64bits_reset(state_);
}
Hasher::~Hasher() { XXH3_freeState(state_); }

void Hasher::add_bytes(const void* data, std::size_t bytes) { XXH3_64bits_update(state_, data, bytes); }

void Hasher::add(std::string_view text) {
  add(static_cast<std::int64_t>(text.size()));
  add_bytes(text.data(), text.size());
}

std::string Hasher::hex() const { return fmt::format("{:016x}", XXH3_64bits_digest(state_)); }

}  // namespace octet::base

namespace octet {

std::string hash_bytes(std::span<const std::byte> bytes) {
  return fmt::format("{:016x}", base::hash64(bytes));
}

}  // namespace octet
