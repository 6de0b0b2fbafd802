// What fuzzing, the corruption matrix and the regression tests have in common: each way for bytes of somebody
// else's to come into Octet, as a function of the bytes.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace octet::fuzz {

struct Seed {
  std::string name;   ///< of a file
  std::string bytes;  ///< accepted by its target
};

struct Target {
  const char* name;
  /// Takes the bytes where a user's file would arrive, and goes on with what it was read as. True if they
  /// were accepted, false if they were refused by an octet::Error; anything else is a finding.
  bool (*run)(std::span<const std::byte> input);
  std::vector<Seed> (*seeds)();
  /// A file, so that its damage is part of the corruption matrix.
  bool is_format = true;
};

std::span<const Target> targets();
/// nullptr if there is none.
const Target* find_target(const std::string& name);

}  // namespace octet::fuzz
