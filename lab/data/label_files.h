// The lines of label files, read and checked one format at a time; dataset.cc joins them to pictures.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "lab/data/dataset.h"

namespace octet::lab {

struct Line {
  int number = 0;  // from 1
  std::string text;
};
/// Lines that are not empty, without blanks and carriage returns at their end.
std::vector<Line> read_lines(const std::filesystem::path& file);

/// "val.txt:12"
std::string at(const std::filesystem::path& file, int line);

/// The synset that `text` starts with ("n" and eight digits, then no further digit), or nothing.
std::string_view leading_synset(std::string_view text);

struct ListedPicture {
  std::string path;
  int label = 0;
  int line = 0;
};
std::vector<ListedPicture> read_caffe_list(const std::filesystem::path& file);

/// Class numbers from 1, one a line.
struct DevkitNumber {
  int number = 0;
  int line = 0;
};
std::vector<DevkitNumber> read_devkit_numbers(const std::filesystem::path& file);

/// Class number -> synset.
std::map<int, std::string> read_devkit_map(const std::filesystem::path& file);

/// Synset -> index, the index being the line's rank. Throws Error(kParse) for a line without synset.
std::map<std::string, int, std::less<>> read_synset_indices(const std::filesystem::path& file);

}  // namespace octet::lab
