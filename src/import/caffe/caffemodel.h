// A binary caffemodel as a table of what it holds: layers by name, and for each blob its dimensions and where
// its numbers lie in the file. Opening it reads headers only; `read` copies one blob's numbers from the file
// to where they are wanted, so loading a network needs no memory beyond the network's own.
//
// Both generations of layers (`layers`, V1, and `layer`), blobs with `shape` or with the four legacy
// dimensions, floats packed and unpacked, and double_data. Field numbers: caffe.proto.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "import/wire/wire_reader.h"

namespace octet::caffe {

struct BlobEntry {
  std::vector<std::int64_t> dims;    // as written; the legacy four if `shape` is not there
  std::uint64_t values = 0;          // how many numbers the file holds for it
  bool doubles = false;              // they are double_data
  std::uint64_t begin = 0, end = 0;  // the BlobProto in the file

  std::string shape_text() const;  // "96x3x11x11", "no shape"
};

struct LayerEntry {
  std::string name;
  std::vector<BlobEntry> blobs;
};

/// The header of one BlobProto lying in [begin, end). Throws Error(kParse).
BlobEntry index_blob(wire::FileWindow& window, std::uint64_t begin, std::uint64_t end);
/// Its numbers, as floats. `to` has `blob.values` elements. Throws Error(kIo, kParse).
void read_blob(wire::FileWindow& window, const BlobEntry& blob, std::span<float> to);

class Caffemodel {
 public:
  /// Throws Error (kNotFound, kIo, kParse, kUnsupported).
  explicit Caffemodel(const std::filesystem::path& path);
  /// One in memory, which must outlive it; `name` is for messages.
  Caffemodel(const std::string& name, std::span<const std::byte> bytes);

  const std::string& file() const { return file_.name(); }
  const std::vector<LayerEntry>& layers() const { return layers_; }
  /// nullptr if there is none; the last one if there are several, as Caffe does.
  const LayerEntry* find(const std::string& name) const;
  void read(const BlobEntry& blob, std::span<float> to) { read_blob(window_, blob, to); }

 private:
  void index();

  wire::InputFile file_;
  wire::FileWindow window_;
  std::vector<LayerEntry> layers_;
  std::unordered_map<std::string, std::size_t> by_name_;
};

}  // namespace octet::caffe
