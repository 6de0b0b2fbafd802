#include "import/caffe/caffemodel.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <optional>

#include "octet/error.h"

namespace octet::caffe {
namespace {

using wire::Field;
using wire::FileWindow;
using wire::WireReader;
using wire::WireType;

static_assert(std::endian::native == std::endian::little,
              "numbers are copied from the file as they lie there");

// Limits on nonsense: what the table of a damaged file may cost, far above any real network.
constexpr std::size_t kMostLayers = 100'000;
constexpr std::size_t kMostBlobsOfLayer = 64;
constexpr std::size_t kMostBlobAxes = 32;  // Caffe's own limit
constexpr std::size_t kLongestName = 64 << 10;

// Field numbers of Caffe's messages; NetParameter, LayerParameter, V1LayerParameter, BlobProto, BlobShape.
constexpr std::uint32_t kNetLayersV1 = 2, kNetLayer = 100;
constexpr std::uint32_t kLayerName = 1, kLayerBlobs = 7;
constexpr std::uint32_t kV1LayerV0 = 1, kV1LayerName = 4, kV1LayerBlobs = 6;
constexpr std::uint32_t kBlobNum = 1, kBlobWidth = 4, kBlobData = 5, kBlobShape = 7, kBlobDoubleData = 8;
constexpr std::uint32_t kShapeDim = 1;

void require_type(const FileWindow& window, const Field& field, WireType type, std::string_view what) {
  if (field.type != type) wire::fail_at(window.file(), field.begin, fmt::format("{} was expected", what));
}

LayerEntry index_layer(FileWindow& window, const Field& message, bool v1) {
  LayerEntry layer;
  WireReader reader(window, message);
  while (const auto field = reader.next()) {
    if (field->number == (v1 ? kV1LayerName : kLayerName)) {
      layer.name = WireReader::read_text(window, *field, kLongestName);
    } else if (field->number == (v1 ? kV1LayerBlobs : kLayerBlobs)) {
      require_type(window, *field, WireType::kBytes, "a blob");
      if (layer.blobs.size() == kMostBlobsOfLayer) {
        wire::fail_at(window.file(), field->begin,
                      fmt::format("layer '{}' has more than {} blobs", layer.name, kMostBlobsOfLayer));
      }
      layer.blobs.push_back(index_blob(window, field->begin, field->end));
    } else if (v1 && field->number == kV1LayerV0) {
      throw Error(
          ErrorCode::kUnsupported,
          fmt::format("{}: byte {}: a layer in Caffe's oldest format (V0); convert the file with Caffe's "
                      "upgrade_net_proto_binary first",
                      window.file().name(), field->begin));
    }
  }
  return layer;
}

/// Numbers of a field that holds them: packed ones fill a payload, a single one is a payload of its own.
std::uint64_t count_values(const FileWindow& window, const Field& field, std::size_t size) {
  const WireType single = size == sizeof(float) ? WireType::kFixed32 : WireType::kFixed64;
  if ((field.type != WireType::kBytes && field.type != single) || field.size() % size != 0) {
    wire::fail_at(window.file(), field.begin,
                  fmt::format("numbers of {} bytes each were expected, but the field has {} bytes", size,
                              field.size()));
  }
  return field.size() / size;
}

/// Unpacked numbers stand one behind the other, each with its one-byte tag: taken a buffer at a time, which
/// is far quicker than field by field. `take` gets the address of each number. Returns how many.
template <typename Value, typename Take>
std::uint64_t for_each_unpacked(FileWindow& window, WireReader& reader, std::uint32_t number, Take take) {
  constexpr std::size_t kStep = 1 + sizeof(Value);
  const auto tag = static_cast<std::uint8_t>(
      number << 3 | static_cast<unsigned>(sizeof(Value) == 4 ? WireType::kFixed32 : WireType::kFixed64));
  std::uint64_t count = 0;
  while (reader.end() - reader.position() >= kStep) {
    const auto bytes = window.bytes(reader.position(), kStep);
    const std::size_t most = static_cast<std::size_t>(
        std::min<std::uint64_t>(bytes.size(), reader.end() - reader.position()) / kStep);
    std::size_t i = 0;
    while (i < most && bytes[i * kStep] == tag) {
      take(&bytes[i * kStep + 1]);
      ++i;
    }
    reader.seek(reader.position() + i * kStep);
    count += i;
    if (i == 0 || i < most) break;
  }
  return count;
}

template <typename Value>
float load_as_float(const std::uint8_t* bytes) {
  Value value;
  std::memcpy(&value, bytes, sizeof value);
  return static_cast<float>(value);
}

template <typename Value>
void read_values(FileWindow& window, const BlobEntry& blob, std::uint32_t number, std::span<float> to) {
  WireReader reader(window, blob.begin, blob.end);
  std::size_t done = 0;
  // index_blob counted the same bytes, but the file may have changed since.
  const auto check_room = [&](std::uint64_t count, std::uint64_t at) {
    if (count > to.size() - done) wire::fail_at(window.file(), at, "changed while being read");
  };
  while (const auto field = reader.next()) {
    if (field->number != number) continue;
    const std::uint64_t count = count_values(window, *field, sizeof(Value));
    check_room(count, field->begin);
    if constexpr (sizeof(Value) == sizeof(float)) {
      window.file().read(field->begin, to.data() + done, static_cast<std::size_t>(field->size()));
      done += static_cast<std::size_t>(count);
    } else {
      for (std::uint64_t at = field->begin; at < field->end;) {
        const auto bytes = window.bytes(at, sizeof(Value));
        const std::size_t here =
            static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), field->end - at) / sizeof(Value));
        for (std::size_t i = 0; i < here; ++i) {
          to[done++] = load_as_float<Value>(&bytes[i * sizeof(Value)]);
        }
        at += here * sizeof(Value);
      }
    }
    if (field->type != WireType::kBytes) {
      for_each_unpacked<Value>(window, reader, number, [&](const std::uint8_t* bytes) {
        check_room(1, reader.position());
        to[done++] = load_as_float<Value>(bytes);
      });
    }
  }
  if (done != to.size()) wire::fail_at(window.file(), blob.begin, "changed while being read");
}

}  // namespace

std::string BlobEntry::shape_text() const {
  return dims.empty() ? "no shape" : fmt::format("{}", fmt::join(dims, "x"));
}

BlobEntry index_blob(FileWindow& window, std::uint64_t begin, std::uint64_t end) {
  BlobEntry blob;
  blob.begin = begin;
  blob.end = end;
  std::array<std::int64_t, 4> legacy{};
  bool has_legacy = false;
  std::uint64_t floats = 0, doubles = 0;
  WireReader reader(window, begin, end);
  while (const auto field = reader.next()) {
    if (field->number >= kBlobNum && field->number <= kBlobWidth) {
      require_type(window, *field, WireType::kVarint, "an integer");
      legacy[field->number - kBlobNum] = static_cast<std::int64_t>(field->value);
      has_legacy = true;
    } else if (field->number == kBlobShape) {
      require_type(window, *field, WireType::kBytes, "a shape");
      WireReader shape(window, *field);
      while (const auto dim = shape.next()) {
        if (dim->number == kShapeDim) WireReader::read_packed(window, *dim, kMostBlobAxes, blob.dims);
      }
    } else if (field->number == kBlobData) {
      floats += count_values(window, *field, sizeof(float));
      if (field->type != WireType::kBytes) {
        floats += for_each_unpacked<float>(window, reader, kBlobData, [](const std::uint8_t*) {});
      }
    } else if (field->number == kBlobDoubleData) {
      doubles += count_values(window, *field, sizeof(double));
      if (field->type != WireType::kBytes) {
        doubles += for_each_unpacked<double>(window, reader, kBlobDoubleData, [](const std::uint8_t*) {});
      }
    }
  }
  // As Caffe decides: the legacy dimensions win if any of them is there, doubles win over floats.
  if (has_legacy) blob.dims.assign(legacy.begin(), legacy.end());
  blob.doubles = doubles > 0;
  blob.values = blob.doubles ? doubles : floats;
  return blob;
}

void read_blob(FileWindow& window, const BlobEntry& blob, std::span<float> to) {
  if (blob.doubles) {
    read_values<double>(window, blob, kBlobDoubleData, to);
  } else {
    read_values<float>(window, blob, kBlobData, to);
  }
}

Caffemodel::Caffemodel(const std::filesystem::path& path) : file_(path), window_(file_) { index(); }

Caffemodel::Caffemodel(const std::string& name, std::span<const std::byte> bytes)
    : file_(name, bytes), window_(file_) {
  index();
}

void Caffemodel::index() {
  if (file_.size() == 0) throw Error(ErrorCode::kParse, fmt::format("{}: the file is empty", file_.name()));
  WireReader reader(window_, 0, file_.size());
  while (const auto field = reader.next()) {
    if (field->number != kNetLayersV1 && field->number != kNetLayer) continue;
    require_type(window_, *field, WireType::kBytes, "a layer");
    if (layers_.size() == kMostLayers) {
      wire::fail_at(file_, field->begin, fmt::format("more than {} layers", kMostLayers));
    }
    layers_.push_back(index_layer(window_, *field, field->number == kNetLayersV1));
    by_name_[layers_.back().name] = layers_.size() - 1;
  }
  if (layers_.empty()) {
    throw Error(ErrorCode::kParse, fmt::format("{}: no layers in it: is it a caffemodel?", file_.name()));
  }
}

const LayerEntry* Caffemodel::find(const std::string& name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &layers_[found->second];
}

}  // namespace octet::caffe
