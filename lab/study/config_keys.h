// The one list of a study's keys: name, type, bounds. Reading, writing and suggestions go through it.
#pragma once

#include <limits>
#include <string>
#include <variant>
#include <vector>

#include "lab/study/config.h"

namespace octet::lab {

/// Which words a string, or each string of a list, may be.
enum class Words { kAny, kNonEmpty, kMode, kNetwork, kPrecision, kEngine, kIsa, kMethod, kRounding, kPath };

/// Bytes, written as "2 GiB".
struct SizeField {
  std::uint64_t* bytes;
};

struct ConfigKey {
  std::string section;  ///< empty: top of the file
  std::string name;
  std::variant<std::string*, std::uint64_t*, std::int64_t*, int*, double*, std::vector<std::string>*,
               std::vector<int>*, SizeField>
      field;
  double low = 0;  ///< of numbers, and of each number of a list
  double high = 1e9;
  Words words = Words::kAny;
};

/// All keys but [[files]], in the order in which they are written.
std::vector<ConfigKey> config_keys(StudyConfig& config);

/// Empty: any word. Networks: the built-in ones and the config's files.
std::vector<std::string> allowed_words(Words words, const StudyConfig& config);

}  // namespace octet::lab
