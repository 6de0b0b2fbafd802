#include "import/onnx/tensor_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <filesystem>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "graph/validate.h"
#include "import/onnx/fail.h"

namespace octet::onnx {
namespace {

using base::AlignedBuffer;
using wire::Field;
using wire::FileWindow;
using wire::InputFile;
using wire::WireReader;
using wire::WireType;

static_assert(std::endian::native == std::endian::little,
              "numbers are copied from the file as they lie there");

/// Integers are shapes, axes and the like; what has more of them is weights of integers.
constexpr std::int64_t kMostIntegers = 1 << 16;

constexpr std::uint32_t kFloatData = 4, kInt32Data = 5, kInt64Data = 7, kRawData = 9, kDoubleData = 10,
                        kUint64Data = 11;

/// Bytes of an element in raw data; 0 for types that are not read.
std::size_t raw_size(ElementType type) {
  switch (type) {
    case ElementType::kUint8:
    case ElementType::kInt8:
    case ElementType::kBool:
      return 1;
    case ElementType::kUint16:
    case ElementType::kInt16:
    case ElementType::kFloat16:
    case ElementType::kBFloat16:
      return 2;
    case ElementType::kFloat:
    case ElementType::kInt32:
    case ElementType::kUint32:
      return 4;
    case ElementType::kDouble:
    case ElementType::kInt64:
    case ElementType::kUint64:
      return 8;
    case ElementType::kString:
      break;
  }
  return 0;
}

/// The field that holds elements of a type when they are not raw.
std::uint32_t typed_field(ElementType type) {
  switch (type) {
    case ElementType::kFloat:
      return kFloatData;
    case ElementType::kDouble:
      return kDoubleData;
    case ElementType::kInt64:
      return kInt64Data;
    case ElementType::kUint32:
    case ElementType::kUint64:
      return kUint64Data;
    default:
      return kInt32Data;
  }
}

/// IEEE 754 binary16. Source: IEEE 754-2019, 3.4.
float widen_float16(std::uint16_t half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000) << 16;
  const std::uint32_t exponent = half >> 10 & 0x1f, fraction = half & 0x3ff;
  if (exponent == 0) {  // zero and subnormals: fraction * 2^-24, exact in FP32
    const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
    return sign != 0 ? -magnitude : magnitude;
  }
  const std::uint32_t wide = exponent == 0x1f ? 0xff : exponent + (127 - 15);
  return std::bit_cast<float>(sign | wide << 23 | fraction << 13);
}
float widen_bfloat16(std::uint16_t value) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(value) << 16);
}

template <typename Value>
Value load(const std::uint8_t* bytes) {
  Value value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

float load_real(ElementType type, const std::uint8_t* bytes) {
  switch (type) {
    case ElementType::kFloat16:
      return widen_float16(load<std::uint16_t>(bytes));
    case ElementType::kBFloat16:
      return widen_bfloat16(load<std::uint16_t>(bytes));
    case ElementType::kDouble:
      return static_cast<float>(load<double>(bytes));
    default:
      return load<float>(bytes);
  }
}

std::int64_t load_integer(ElementType type, const std::uint8_t* bytes) {
  switch (type) {
    case ElementType::kUint8:
    case ElementType::kBool:
      return *bytes;
    case ElementType::kInt8:
      return load<std::int8_t>(bytes);
    case ElementType::kUint16:
      return load<std::uint16_t>(bytes);
    case ElementType::kInt16:
      return load<std::int16_t>(bytes);
    case ElementType::kInt32:
      return load<std::int32_t>(bytes);
    case ElementType::kUint32:
      return load<std::uint32_t>(bytes);
    default:  // of kUint64 above 2^63: negative, and refused by the caller
      return load<std::int64_t>(bytes);
  }
}

class TensorReader {
 public:
  TensorReader(ModelFile& file, const TensorEntry& tensor, const std::string& where)
      : file_(file), tensor_(tensor), where_(where), size_(raw_size(tensor.type)) {}

  Constant read() {
    if (size_ == 0) {
      fail(ErrorCode::kUnsupported, where_, "elements of {}; Octet reads floats, integers and bool",
           to_string(tensor_.type));
    }
    count_ = checked_count();
    const bool real = is_real(tensor_.type);
    if (!real && narrow_ == nullptr && count_ > kMostIntegers) {
      fail(ErrorCode::kUnsupported, where_, "{} values of {}; integers are read as shapes only, up to {}",
           count_, to_string(tensor_.type), kMostIntegers);
    }
    return tensor_.external ? external_values(*tensor_.external) : inline_values();
  }

  /// Integers go there, as numbers of 32 bits, instead of into the constant that read() returns.
  void read_into(std::vector<std::int32_t>& narrow) {
    narrow_ = &narrow;
    read();
  }

 private:
  std::int64_t checked_count() const {
    std::int64_t count = 1;
    for (const std::int64_t dim : tensor_.dims) {
      // Empty lists of integers stand for "no axes" and the like; no other tensor may be empty.
      const bool empty_list = dim == 0 && tensor_.dims.size() == 1 && !is_real(tensor_.type);
      if ((dim < 1 && !empty_list) || dim > graph::kMaxElements) {
        fail(ErrorCode::kInvalidNetwork, where_, "its shape is {}, expected dimensions of 1 to {}",
             to_string(tensor_.dims), graph::kMaxElements);
      }
      if (dim > 0 && count > graph::kMaxElements / dim) {
        fail(ErrorCode::kInvalidNetwork, where_, "its shape is {}, which exceeds the limit of {} elements",
             to_string(tensor_.dims), graph::kMaxElements);
      }
      count *= dim;
    }
    return count;
  }
  std::uint64_t raw_bytes() const { return static_cast<std::uint64_t>(count_) * size_; }

  [[noreturn]] void fail_size(std::uint64_t got, const char* unit, std::uint64_t expected) const {
    fail(ErrorCode::kParse, where_, "{} {} of data, expected {} for {} of {}", got, unit, expected,
         to_string(tensor_.dims), to_string(tensor_.type));
  }

  Constant external_values(const ExternalData& data) {
    if (!file_.folder()) {
      fail(ErrorCode::kUnsupported, where_, "external data '{}' of a model in memory", data.location);
    }
    const InputFile external(path_inside(*file_.folder(), data.location));
    if (data.length && *data.length != raw_bytes()) fail_size(*data.length, "bytes", raw_bytes());
    if (data.offset > external.size() || raw_bytes() > external.size() - data.offset) {
      fail(ErrorCode::kParse, where_, "bytes {} to {} of '{}' are wanted, but it has {} bytes", data.offset,
           data.offset + raw_bytes(), external.name(), external.size());
    }
    FileWindow window(external);
    return raw_values(window, data.offset);
  }

  std::filesystem::path path_inside(const std::filesystem::path& model_folder,
                                    const std::string& location) const {
    const std::filesystem::path relative(location);
    const bool climbs = std::find(relative.begin(), relative.end(), "..") != relative.end();
    // A NUL would end the name for the system, but not for these checks.
    if (relative.empty() || relative.is_absolute() || climbs || location.find('\0') != std::string::npos) {
      refuse_location(location);
    }
    const std::filesystem::path folder = model_folder.empty() ? std::filesystem::path(".") : model_folder;
    // Where links lead.
    std::error_code error;
    const auto real_folder = std::filesystem::canonical(folder, error);
    const auto real_path = std::filesystem::weakly_canonical(folder / relative, error);
    const auto [end, rest] =
        std::mismatch(real_folder.begin(), real_folder.end(), real_path.begin(), real_path.end());
    if (real_folder.empty() || end != real_folder.end()) refuse_location(location);
    return real_path;
  }
  [[noreturn]] void refuse_location(const std::string& location) const {
    fail(ErrorCode::kInvalidNetwork, where_,
         "its external data is at '{}', expected a path inside the model's folder", location);
  }

  /// Data in the model's file: raw, or in the field of its type, and nowhere else.
  Constant inline_values() {
    std::optional<Field> raw;
    std::vector<Field> typed;
    const std::uint32_t expected = typed_field(tensor_.type);
    WireReader reader(file_.window(), tensor_.begin, tensor_.end);
    while (const auto field = reader.next()) {
      if (field->number == kRawData) {
        if (raw || field->type != WireType::kBytes) wire::fail_at(file(), field->begin, "raw data once more");
        raw = *field;
      } else if (field->number == expected) {
        typed.push_back(*field);
      } else if (is_data(field->number)) {
        fail(ErrorCode::kParse, where_, "holds data of another type than its {}", to_string(tensor_.type));
      }
    }
    if (raw && !typed.empty()) fail(ErrorCode::kParse, where_, "holds its data twice");
    if (raw) {
      if (raw->size() != raw_bytes()) fail_size(raw->size(), "bytes", raw_bytes());
      return raw_values(file_.window(), raw->begin);
    }
    const bool fixed = expected == kFloatData || expected == kDoubleData;
    return fixed ? fixed_values(typed) : varint_values(typed);
  }
  static bool is_data(std::uint32_t field) {
    return field == kFloatData || field == kInt32Data || field == kInt64Data || field == kDoubleData ||
           field == kUint64Data;
  }
  const InputFile& file() const { return file_.window().file(); }

  /// `count_` elements from `begin` on.
  Constant raw_values(FileWindow& window, std::uint64_t begin) {
    if (!is_real(tensor_.type)) {
      for_each(window, begin, count_,
               [&](const std::uint8_t* bytes) { take_integer(load_integer(tensor_.type, bytes)); });
      return taken_integers();
    }
    AlignedBuffer buffer(static_cast<std::size_t>(count_) * sizeof(float));
    read_reals(window, begin, count_, buffer.floats());
    return Constant::of_reals(tensor_.dims, std::move(buffer));
  }

  void read_reals(FileWindow& window, std::uint64_t begin, std::int64_t count, float* to) const {
    if (tensor_.type == ElementType::kFloat) {
      window.file().read(begin, to, static_cast<std::size_t>(count) * sizeof(float));
      return;
    }
    for_each(window, begin, count,
             [&](const std::uint8_t* bytes) { *to++ = load_real(tensor_.type, bytes); });
  }

  template <typename Visit>
  void for_each(FileWindow& window, std::uint64_t begin, std::int64_t count, Visit visit) const {
    const std::uint64_t end = begin + static_cast<std::uint64_t>(count) * size_;
    for (std::uint64_t at = begin; at < end;) {
      const auto bytes = window.bytes(at, size_);
      const std::uint64_t here = std::min<std::uint64_t>(bytes.size(), end - at) / size_;
      for (std::uint64_t i = 0; i < here; ++i) visit(&bytes[i * size_]);
      at += here * size_;
    }
  }

  /// Floats or doubles, packed or one a field.
  Constant fixed_values(const std::vector<Field>& fields) {
    std::uint64_t bytes = 0;
    for (const Field& field : fields) {
      if (field.type == WireType::kVarint || field.size() % size_ != 0) {
        wire::fail_at(file(), field.begin, fmt::format("numbers of {} bytes each were expected", size_));
      }
      bytes += field.size();
    }
    if (bytes != raw_bytes()) fail_size(bytes / size_, "values", static_cast<std::uint64_t>(count_));
    AlignedBuffer buffer(static_cast<std::size_t>(count_) * sizeof(float));
    float* to = buffer.floats();
    for (const Field& field : fields) {
      const auto count = static_cast<std::int64_t>(field.size() / size_);
      read_reals(file_.window(), field.begin, count, to);
      to += count;
    }
    return Constant::of_reals(tensor_.dims, std::move(buffer));
  }

  Constant varint_values(const std::vector<Field>& fields) {
    std::vector<std::int64_t> values;
    for (const Field& field : fields) {
      WireReader::read_packed(file_.window(), field, static_cast<std::size_t>(count_), values);
    }
    if (values.size() != static_cast<std::size_t>(count_)) {
      fail_size(values.size(), "values", static_cast<std::uint64_t>(count_));
    }
    if (is_real(tensor_.type)) {  // the bits of 16-bit floats
      AlignedBuffer buffer(values.size() * sizeof(float));
      std::transform(values.begin(), values.end(), buffer.floats(), [&](std::int64_t bits) {
        const auto half = static_cast<std::uint16_t>(bits);
        return tensor_.type == ElementType::kFloat16 ? widen_float16(half) : widen_bfloat16(half);
      });
      return Constant::of_reals(tensor_.dims, std::move(buffer));
    }
    for (const std::int64_t value : values) take_integer(value);
    return taken_integers();
  }

  void take_integer(std::int64_t value) {
    if (tensor_.type == ElementType::kUint64 && value < 0) {
      fail(ErrorCode::kUnsupported, where_, "holds {}, expected at most {}",
           static_cast<std::uint64_t>(value), std::numeric_limits<std::int64_t>::max());
    }
    if (narrow_ == nullptr) {
      integers_.push_back({value, false});
    } else if (value == static_cast<std::int32_t>(value)) {
      narrow_->push_back(static_cast<std::int32_t>(value));
    } else {
      fail(ErrorCode::kUnsupported, where_, "holds {}, expected at most 32 bits", value);
    }
  }
  Constant taken_integers() {
    Constant result = Constant::of_integers(tensor_.dims, std::move(integers_));
    result.integer_type = tensor_.type;
    return result;
  }

  ModelFile& file_;
  const TensorEntry& tensor_;
  const std::string& where_;
  std::size_t size_;
  std::int64_t count_ = 0;
  std::vector<ShapeNumber> integers_;
  std::vector<std::int32_t>* narrow_ = nullptr;
};

}  // namespace

Constant read_tensor(ModelFile& file, const TensorEntry& tensor, const std::string& where) {
  return TensorReader(file, tensor, where).read();
}

std::vector<std::int32_t> read_integers(ModelFile& file, const TensorEntry& tensor,
                                        const std::string& where) {
  std::vector<std::int32_t> values;
  TensorReader(file, tensor, where).read_into(values);
  return values;
}

}  // namespace octet::onnx
