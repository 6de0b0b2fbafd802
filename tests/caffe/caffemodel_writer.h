// Writes Caffe's binary files in every form that they come in, a layer at a time and without holding them in
// memory. Encodes protobuf's wire format by hand: what the importer reads must not come from the importer's
// own idea of the format (caffemodel_test.cc checks this writer against protobuf's parser).
#pragma once

#include <cstdint>
#include <cstring>
#include <functional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

namespace octet::test {

struct CaffemodelForm {
  bool v1 = false;           // `layers` instead of `layer`
  bool legacy_dims = false;  // num, channels, height, width instead of `shape`
  bool unpacked = false;     // a tag before each number
  bool doubles = false;      // double_data instead of data
};

struct BlobToWrite {
  std::vector<std::int64_t> dims;
  std::uint64_t count = 0;  // numbers to write; the product of dims in a sound file
  std::function<float(std::uint64_t)> value;

  BlobToWrite(std::vector<std::int64_t> d, std::uint64_t n, std::function<float(std::uint64_t)> f)
      : dims(std::move(d)), count(n), value(std::move(f)) {}
  BlobToWrite(std::vector<std::int64_t> d, std::vector<float> values)
      : dims(std::move(d)),
        count(values.size()),
        value([v = std::move(values)](std::uint64_t i) { return v[static_cast<std::size_t>(i)]; }) {}
};

class CaffemodelWriter {
 public:
  CaffemodelWriter(std::ostream& out, CaffemodelForm form) : out_(out), form_(form) {}

  void net_name(const std::string& name) { out_ << text_field(1, name); }

  void layer(const std::string& name, const std::vector<BlobToWrite>& blobs) {
    std::uint64_t size = 0;
    std::vector<std::pair<std::string, std::uint64_t>> heads;  // a blob's header; its whole size
    for (const BlobToWrite& blob : blobs) {
      std::string header = blob_header(blob);
      const std::uint64_t blob_size = header.size() + data_size(blob);
      std::string opening = tag(form_.v1 ? 6 : 7, 2);
      opening += varint(blob_size);
      header.insert(0, opening);
      size += header.size() + data_size(blob);
      heads.emplace_back(std::move(header), blob_size);
    }
    const std::string name_field = text_field(form_.v1 ? 4 : 1, name);
    out_ << tag(form_.v1 ? 2 : 100, 2) << varint(size + name_field.size()) << name_field;
    for (std::size_t i = 0; i < blobs.size(); ++i) {
      out_ << heads[i].first;
      data(blobs[i]);
    }
  }

  /// A BlobProto as a file of its own: a mean image.
  void bare_blob(const BlobToWrite& blob) {
    out_ << blob_header(blob);
    data(blob);
  }

  static std::string varint(std::uint64_t value) {
    std::string bytes;
    for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
    return bytes += static_cast<char>(value);
  }
  static std::string tag(std::uint32_t field, std::uint32_t type) { return varint(field << 3 | type); }
  static std::string text_field(std::uint32_t field, const std::string& text) {
    return tag(field, 2) + varint(text.size()) + text;
  }

 private:
  std::uint32_t data_field() const { return form_.doubles ? 8 : 5; }
  std::uint64_t number_size() const { return form_.doubles ? 8 : 4; }
  std::uint64_t data_size(const BlobToWrite& blob) const {
    return blob.count * (number_size() + (form_.unpacked ? 1 : 0));
  }

  /// All of a blob but its numbers: dimensions, and the packed numbers' tag and length.
  std::string blob_header(const BlobToWrite& blob) const {
    std::string header;
    if (form_.legacy_dims) {
      std::vector<std::int64_t> dims = blob.dims;
      while (dims.size() < 4) dims.insert(dims.begin(), 1);
      for (std::uint32_t i = 0; i < 4; ++i) {
        header += tag(i + 1, 0) + varint(static_cast<std::uint64_t>(dims[i]));
      }
    } else {
      std::string packed;
      for (const std::int64_t dim : blob.dims) packed += varint(static_cast<std::uint64_t>(dim));
      header += text_field(7, text_field(1, packed));
    }
    if (!form_.unpacked) header += tag(data_field(), 2) + varint(data_size(blob));
    return header;
  }

  void data(const BlobToWrite& blob) {
    const std::string single = form_.unpacked ? tag(data_field(), form_.doubles ? 1 : 5) : std::string();
    std::string chunk;
    for (std::uint64_t i = 0; i < blob.count; ++i) {
      chunk += single;
      const float value = blob.value(i);
      const double wide = value;
      chunk.append(
          form_.doubles ? reinterpret_cast<const char*>(&wide) : reinterpret_cast<const char*>(&value),
          static_cast<std::size_t>(number_size()));
      if (chunk.size() >= std::size_t{1} << 20) {
        out_ << chunk;
        chunk.clear();
      }
    }
    out_ << chunk;
  }

  std::ostream& out_;
  CaffemodelForm form_;
};

}  // namespace octet::test
