#include "lab/data/dataset.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <set>
#include <system_error>
#include <unordered_map>

#include "lab/data/drawn_images.h"
#include "lab/data/label_files.h"
#include "octet/error.h"

namespace octet::lab {
namespace fs = std::filesystem;
namespace {

using SynsetIndices = std::map<std::string, int, std::less<>>;

bool is_picture(const fs::path& path) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return extension == ".jpg" || extension == ".jpeg" || extension == ".jpe" || extension == ".png";
}

// Paths relative to `folder`, in byte order.
std::vector<std::string> find_pictures(const fs::path& folder) {
  std::error_code error;
  if (!fs::is_directory(folder, error))
    throw Error(ErrorCode::kNotFound,
                fmt::format("{}: there is no such folder of pictures", folder.string()));
  std::vector<std::string> found;
  fs::recursive_directory_iterator entry(folder, fs::directory_options::skip_permission_denied, error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    std::error_code ignored;
    if (is_picture(entry->path()) && entry->is_regular_file(ignored))
      found.push_back(entry->path().lexically_relative(folder).generic_string());
  }
  if (error) throw Error(ErrorCode::kIo, fmt::format("{}: {}", folder.string(), error.message()));
  if (found.empty())
    throw Error(ErrorCode::kNotFound,
                fmt::format("{}: no pictures (.jpg, .jpeg, .jpe, .png) in this folder", folder.string()));
  std::sort(found.begin(), found.end());
  return found;
}

void check_label(int label, int classes, const std::string& place) {
  if (label < 0)
    throw Error(ErrorCode::kMismatch,
                fmt::format("{}: a label of at least 0 was expected, {} came", place, label));
  if (classes > 0 && label >= classes)
    throw Error(ErrorCode::kMismatch,
                fmt::format("{}: a label in 0..{} was expected (the network has {} outputs), {} came", place,
                            classes - 1, classes, label));
}

/// A list may come with pictures from elsewhere, and names files of their folder only. Links that lie in the
/// folder are its owner's. Caffe appends the path to the folder as it is, so a slash in front is none.
fs::path listed_path(const fs::path& folder, const ListedPicture& listed, const fs::path& file) {
  const fs::path path = fs::path(listed.path).relative_path().lexically_normal();
  if (*path.begin() == "..")
    throw Error(ErrorCode::kMismatch, fmt::format("{}: the listed picture '{}' lies outside of {}",
                                                  at(file, listed.line), listed.path, folder.string()));
  return folder / path;
}

Dataset load_caffe_list(const fs::path& folder, const fs::path& file, int classes) {
  std::error_code error;
  if (!fs::is_directory(folder, error))
    throw Error(ErrorCode::kNotFound,
                fmt::format("{}: there is no such folder of pictures", folder.string()));
  Dataset dataset;
  std::unordered_map<std::string, int> first_line;
  for (const ListedPicture& listed : read_caffe_list(file)) {
    check_label(listed.label, classes, at(file, listed.line));
    const fs::path path = listed_path(folder, listed, file);
    const auto [before, is_new] = first_line.emplace(path.string(), listed.line);
    if (!is_new)
      throw Error(ErrorCode::kMismatch, fmt::format("{}: '{}' stands in line {} already",
                                                    at(file, listed.line), listed.path, before->second));
    if (!fs::is_regular_file(path, error))
      throw Error(ErrorCode::kNotFound, fmt::format("{}: the listed picture '{}' is not in {}",
                                                    at(file, listed.line), listed.path, folder.string()));
    dataset.push_back({path, listed.label});
  }
  return dataset;
}

// The nearest folder with a synset's name decides, then the file's own name.
std::string_view synset_of(const std::string& relative) {
  std::string_view rest = relative;
  const std::size_t slash = rest.rfind('/');
  const std::string_view file = slash == std::string_view::npos ? rest : rest.substr(slash + 1);
  while ((rest.rfind('/')) != std::string_view::npos) {
    rest = rest.substr(0, rest.rfind('/'));
    const std::size_t start = rest.rfind('/');
    const std::string_view synset =
        leading_synset(start == std::string_view::npos ? rest : rest.substr(start + 1));
    if (!synset.empty()) return synset;
  }
  return leading_synset(file);
}

Dataset load_by_synset(const fs::path& folder, const std::optional<fs::path>& file, int classes) {
  const std::vector<std::string> pictures = find_pictures(folder);
  SynsetIndices indices;
  if (file) {
    indices = read_synset_indices(*file);
    check_label(static_cast<int>(indices.size()) - 1, classes,
                fmt::format("{}: {} classes", file->string(), indices.size()));
  } else {
    for (const std::string& picture : pictures) indices.emplace(synset_of(picture), 0);
    indices.erase("");
    int next = 0;
    for (auto& [synset, index] : indices) index = next++;  // the map's order is the alphabet's
    if (classes > 0 && static_cast<int>(indices.size()) != classes)
      throw Error(
          ErrorCode::kMismatch,
          fmt::format(
              "{}: pictures of {} synsets for a network of {} outputs; state the class list (synsets.txt) "
              "to know which is which",
              folder.string(), indices.size(), classes));
  }
  Dataset dataset;
  for (const std::string& picture : pictures) {
    const std::string_view synset = synset_of(picture);
    const auto found = indices.find(synset);
    if (synset.empty() || found == indices.end())
      throw Error(ErrorCode::kMismatch,
                  fmt::format("{}: neither folder nor file name starts with {}", (folder / picture).string(),
                              file ? "a synset of " + file->string() : std::string("a synset (n01440764)")));
    dataset.push_back({folder / picture, found->second});
  }
  return dataset;
}

Dataset load_devkit(const fs::path& folder, const LabelSource& source) {
  const fs::path& file = *source.labels;
  if (!source.devkit_map)
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("{}: class numbers of the devkit need its map from number to synset (map_clsloc.txt)",
                    file.string()));
  const std::map<int, std::string> synset_of_number = read_devkit_map(*source.devkit_map);
  SynsetIndices indices;
  if (source.synsets) {
    indices = read_synset_indices(*source.synsets);
  } else {
    for (const auto& [number, synset] : synset_of_number) indices.emplace(synset, 0);
    int next = 0;
    for (auto& [synset, index] : indices) index = next++;
  }
  const std::vector<DevkitNumber> numbers = read_devkit_numbers(file);
  const std::vector<std::string> pictures = find_pictures(folder);
  if (numbers.size() != pictures.size())
    throw Error(ErrorCode::kMismatch,
                fmt::format("{}: {} class numbers for the {} pictures in {}", at(file, numbers.back().line),
                            numbers.size(), pictures.size(), folder.string()));
  Dataset dataset;
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    const std::string place = at(file, numbers[i].line);
    const auto synset = synset_of_number.find(numbers[i].number);
    if (synset == synset_of_number.end())
      throw Error(ErrorCode::kMismatch, fmt::format("{}: class number {} is not in {}", place,
                                                    numbers[i].number, source.devkit_map->string()));
    const auto index = indices.find(synset->second);
    if (index == indices.end())
      throw Error(ErrorCode::kMismatch,
                  fmt::format("{}: synset {} of class number {} is not in {}", place, synset->second,
                              numbers[i].number, source.synsets->string()));
    check_label(index->second, source.classes, place);
    dataset.push_back({folder / pictures[i], index->second});
  }
  return dataset;
}

}  // namespace

Image load_image(const Sample& sample, std::int64_t max_pixels) {
  return sample.drawn ? draw_image(*sample.drawn) : decode_image(sample.path, max_pixels);
}

Dataset list_images(const fs::path& folder) {
  Dataset dataset;
  for (const std::string& picture : find_pictures(folder))
    dataset.push_back({folder / picture, std::nullopt});
  return dataset;
}

Dataset load_labelled(const fs::path& folder, const LabelSource& source) {
  if (!source.labels) return load_by_synset(folder, source.synsets, source.classes);
  switch (detect_label_format(*source.labels)) {
    case LabelFormat::kCaffeList:
      return load_caffe_list(folder, *source.labels, source.classes);
    case LabelFormat::kSynsets:
      return load_by_synset(folder, source.labels, source.classes);
    case LabelFormat::kDevkit:
      return load_devkit(folder, source);
  }
  throw Error(ErrorCode::kInternal, "unknown label format");
}

}  // namespace octet::lab
