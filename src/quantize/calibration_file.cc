// A Calibration as JSON: one line a tensor and a layer, so that a person can read it and two files can be
// compared, and a checksum over the content (not the white space), so that a file that was cut off or edited
// by hand is not taken for what was measured.
//
// FP32 numbers are written with 9 digits, which read back to the very same bits; rounding bits in base64.
#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "base/atomic_file.h"
#include "cpu/float_environment.h"
#include "octet/calibration.h"
#include "octet/error.h"
#include "octet/hash.h"
#include "quantize/base64.h"

namespace octet {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kFormat = "octet-calibration";
constexpr std::uintmax_t kLargestFile = std::uintmax_t{1} << 30;

// ---- what both ways share

/// The double nearest to the 9 digits that tell this float from all others.
double digits9(float value) { return std::strtod(fmt::format("{:.9g}", value).c_str(), nullptr); }

std::string checksum_of(const Json& document) {
  Json content = document;
  content.erase("checksum");
  const std::string text = content.dump();
  return hash_bytes(std::as_bytes(std::span(text)));
}

void require(bool holds, const std::string& name, const std::string& what) {
  if (!holds) throw Error(ErrorCode::kMismatch, fmt::format("{}: {}", name, what));
}

void require_finite(std::span<const float> values, const std::string& name, const std::string& what) {
  for (const float v : values)
    require(std::isfinite(v), name, fmt::format("{}: expected finite numbers, got {}", what, v));
}

void validate(const TensorCalibration& t, const std::string& name) {
  const std::string where = fmt::format("tensor '{}'", t.name);
  require(t.scale > 0 && std::isfinite(t.scale), name,
          fmt::format("{}: scale: expected a finite number above 0, got {}", where, t.scale));
  require(t.zero_point >= 0 && t.zero_point <= 255, name,
          fmt::format("{}: zero_point: expected 0 to 255, got {}", where, t.zero_point));
  require_finite(std::array{t.threshold, t.minimum, t.maximum}, name,
                 where + ": threshold, minimum, maximum");
  require(t.clipped >= 0 && t.clipped <= 100, name,
          fmt::format("{}: clipped: expected 0 to 100 percent, got {}", where, t.clipped));
  require_finite(t.pixel_mean, name, where + ": pixel_mean");
}

void validate(const LayerCalibration& layer, const std::string& name) {
  const std::string where = fmt::format("layer '{}'", layer.name);
  require(layer.precision != Precision::kMixed, name,
          fmt::format("{}: precision: 'mixed' is of networks, not of layers", where));
  require(std::isfinite(layer.sqnr_db) && std::isfinite(layer.sensitivity), name,
          where + ": sqnr_db and sensitivity: expected finite numbers");
  require_finite(layer.bias_correction, name, where + ": bias_correction");
}

template <typename Entry>
void validate_all(const std::vector<Entry>& entries, const char* what, const std::string& name) {
  std::set<std::string_view> names;
  for (const Entry& entry : entries) {
    require(!entry.name.empty(), name, fmt::format("a {} has no name", what));
    require(names.insert(entry.name).second, name,
            fmt::format("{} '{}' stands there twice", what, entry.name));
    validate(entry, name);
  }
}

void validate(const Calibration& calibration, const std::string& name) {
  require(calibration.percentile >= 0 && calibration.percentile <= 100, name,
          fmt::format("percentile: expected 0 to 100, got {}", calibration.percentile));
  require(calibration.source.images >= 0 && calibration.source.batches >= 0 && calibration.source.batch >= 0,
          name, "source: images, batches and batch cannot be negative");
  validate_all(calibration.tensors, "tensor", name);
  validate_all(calibration.layers, "layer", name);
  for (const TensorCalibration& tensor : calibration.tensors)
    require(tensor.tied_to.empty() || calibration.find_tensor(tensor.tied_to) != nullptr, name,
            fmt::format("tensor '{}' is tied to '{}', which is not there", tensor.name, tensor.tied_to));
}

// ---- writing

Json numbers(std::span<const float> values) {
  Json array = Json::array();
  for (const float v : values) array.push_back(digits9(v));
  return array;
}

Json to_entry(const CalibrationSource& source) {
  return {{"network", source.network},
          {"network_hash", source.network_hash},
          {"data", source.data},
          {"data_hash", source.data_hash},
          {"images", source.images},
          {"batches", source.batches},
          {"batch", source.batch},
          {"preprocessing", source.preprocessing},
          {"preprocessing_hash", source.preprocessing_hash}};
}

Json to_entry(const TensorCalibration& t) {
  Json entry = {{"name", t.name},
                {"scale", digits9(t.scale)},
                {"zero_point", t.zero_point},
                {"method", to_string(t.method)},
                {"threshold", digits9(t.threshold)},
                {"minimum", digits9(t.minimum)},
                {"maximum", digits9(t.maximum)},
                {"clipped", t.clipped}};
  if (!t.tied_to.empty()) entry["tied_to"] = t.tied_to;
  entry["zeros"] = t.zeros;
  entry["histogram"] = t.histogram;
  if (!t.pixel_mean.empty()) entry["pixel_mean"] = numbers(t.pixel_mean);
  return entry;
}

Json to_entry(const LayerCalibration& layer) {
  Json entry = {{"name", layer.name}, {"precision", to_string(layer.precision)}};
  if (!layer.reason.empty()) entry["reason"] = layer.reason;
  entry["sqnr_db"] = layer.sqnr_db;
  entry["sensitivity"] = layer.sensitivity;
  if (!layer.bias_correction.empty()) entry["bias_correction"] = numbers(layer.bias_correction);
  if (!layer.rounding_bits.empty()) entry["rounding_bits"] = quantize::encode_base64(layer.rounding_bits);
  return entry;
}

template <typename Entry>
Json to_entries(const std::vector<Entry>& values) {
  Json array = Json::array();
  for (const Entry& value : values) array.push_back(to_entry(value));
  return array;
}

Json to_document(const Calibration& c) {
  Json document = {{"format", kFormat}, {"version", Calibration::kVersion}, {"checksum", ""}};
  document["source"] = to_entry(c.source);
  document["pictures"] = c.source.pictures;
  document["method"] = to_string(c.method);
  document["percentile"] = c.percentile;
  document["scheme"] = to_string(c.scheme);
  document["weight_rounding"] = to_string(c.weight_rounding);
  document["bias_correction"] = c.bias_correction;
  document["forced"] = c.forced;
  document["tensors"] = to_entries(c.tensors);
  document["layers"] = to_entries(c.layers);
  document["checksum"] = checksum_of(document);
  return document;
}

/// One line a member of the document, and one an element of its arrays.
std::string to_lines(const Json& document) {
  std::string text = "{";
  const char* comma = "";
  for (const auto& [key, value] : document.items()) {
    text += fmt::format("{}\n  \"{}\": ", comma, key);
    comma = ",";
    if (!value.is_array() || value.empty()) {
      text += value.dump();
      continue;
    }
    const char* element_comma = "[";
    for (const Json& element : value) {
      text += element_comma;
      text += "\n    ";
      text += element.dump();
      element_comma = ",";
    }
    text += "\n  ]";
  }
  return text + "\n}\n";
}

// ---- reading

/// An object of the file, and the words that name it in errors.
class Reader {
 public:
  Reader(const Json& object, std::string where) : object_(object), where_(std::move(where)) {
    if (!object.is_object()) fail("expected an object, got " + describe(object));
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw Error(ErrorCode::kParse, fmt::format("{}: {}", where_, what));
  }

  bool has(const char* key) const { return object_.contains(key); }
  const Json& get(const char* key) const {
    const auto at = object_.find(key);
    if (at == object_.end()) fail(fmt::format("field '{}' is missing", key));
    return *at;
  }

  std::string text(const char* key) const {
    const Json& value = get(key);
    if (!value.is_string()) wrong(key, "a text", value);
    return value.get<std::string>();
  }
  std::string text_or_empty(const char* key) const { return has(key) ? text(key) : std::string(); }
  bool boolean(const char* key) const {
    const Json& value = get(key);
    if (!value.is_boolean()) wrong(key, "true or false", value);
    return value.get<bool>();
  }
  double number(const char* key) const { return number_of(key, get(key)); }
  float real(const char* key) const { return static_cast<float>(number(key)); }
  template <typename Integer>
  Integer integer(const char* key) const {
    return integer_of<Integer>(key, get(key));
  }
  std::vector<float> reals_or_empty(const char* key) const {
    std::vector<float> values;
    if (!has(key)) return values;
    for (const Json& value : array(key)) values.push_back(static_cast<float>(number_of(key, value)));
    return values;
  }
  std::vector<std::uint64_t> counts(const char* key) const {
    std::vector<std::uint64_t> values;
    for (const Json& value : array(key)) values.push_back(integer_of<std::uint64_t>(key, value));
    return values;
  }
  std::vector<std::string> texts(const char* key) const {
    std::vector<std::string> values;
    for (const Json& value : array(key)) {
      if (!value.is_string()) wrong(key, "texts", value);
      values.push_back(value.get<std::string>());
    }
    return values;
  }
  const Json& array(const char* key) const {
    const Json& value = get(key);
    if (!value.is_array()) wrong(key, "an array", value);
    return value;
  }
  /// One of the words that `parse` knows.
  template <typename Parse>
  auto word(const char* key, Parse parse) const {
    try {
      return parse(text(key));
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kInvalidArgument) throw;
      fail(fmt::format("field '{}': {}", key, error.what()));
    }
  }

 private:
  static std::string describe(const Json& value) {
    std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
    if (text.size() > 40) text = text.substr(0, 40) + "...";
    return text;
  }
  [[noreturn]] void wrong(const char* key, const char* expected, const Json& value) const {
    fail(fmt::format("field '{}': expected {}, got {}", key, expected, describe(value)));
  }
  double number_of(const char* key, const Json& value) const {
    if (!value.is_number()) wrong(key, "a number", value);
    return value.get<double>();
  }
  template <typename Integer>
  Integer integer_of(const char* key, const Json& value) const {
    if (!value.is_number_integer()) wrong(key, "an integer", value);
    bool fits = false;
    if (value.is_number_unsigned())
      fits = value.get<std::uint64_t>() <= static_cast<std::uint64_t>(std::numeric_limits<Integer>::max());
    else
      fits = std::is_signed_v<Integer> &&
             value.get<std::int64_t>() >= static_cast<std::int64_t>(std::numeric_limits<Integer>::min());
    if (!fits) wrong(key, "an integer of its range", value);
    return value.get<Integer>();
  }

  const Json& object_;
  std::string where_;
};

CalibrationSource read_source(const Reader& r) {
  CalibrationSource source;
  source.network = r.text("network");
  source.network_hash = r.text("network_hash");
  source.data = r.text("data");
  source.data_hash = r.text("data_hash");
  source.images = r.integer<std::int64_t>("images");
  source.batches = r.integer<int>("batches");
  source.batch = r.integer<int>("batch");
  source.preprocessing = r.text("preprocessing");
  source.preprocessing_hash = r.text("preprocessing_hash");
  return source;
}

TensorCalibration read_tensor(const Reader& r) {
  TensorCalibration t;
  t.name = r.text("name");
  t.scale = r.real("scale");
  t.zero_point = r.integer<int>("zero_point");
  t.method = r.word("method", parse_calibration_method);
  t.threshold = r.real("threshold");
  t.minimum = r.real("minimum");
  t.maximum = r.real("maximum");
  t.clipped = r.number("clipped");
  t.tied_to = r.text_or_empty("tied_to");
  t.zeros = r.integer<std::uint64_t>("zeros");
  t.histogram = r.counts("histogram");
  t.pixel_mean = r.reals_or_empty("pixel_mean");
  return t;
}

LayerCalibration read_layer(const Reader& r) {
  LayerCalibration layer;
  layer.name = r.text("name");
  layer.precision = r.word("precision", parse_precision);
  layer.reason = r.text_or_empty("reason");
  layer.sqnr_db = r.number("sqnr_db");
  layer.sensitivity = r.number("sensitivity");
  layer.bias_correction = r.reals_or_empty("bias_correction");
  if (r.has("rounding_bits")) {
    auto bits = quantize::decode_base64(r.text("rounding_bits"));
    if (!bits) r.fail("field 'rounding_bits': expected base64");
    layer.rounding_bits = std::move(*bits);
  }
  return layer;
}

/// Entries of an array; errors name them by number, and by name once that is known.
template <typename Entry, typename Read>
std::vector<Entry> read_entries(const Reader& document, const std::string& name, const char* key, Read read) {
  std::vector<Entry> entries;
  for (const Json& element : document.array(key)) {
    std::string where = fmt::format("{}: {}[{}]", name, key, entries.size());
    if (element.is_object() && element.contains("name") && element["name"].is_string())
      where += fmt::format(" '{}'", element["name"].get<std::string>());
    entries.push_back(read(Reader(element, where)));
  }
  return entries;
}

Json parse(std::string_view text, const std::string& name) {
  try {
    return Json::parse(text);
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorCode::kParse, fmt::format("{}: not JSON: {}", name, error.what()));
  }
}

Calibration read_document(const Json& json, const std::string& name) {
  const Reader document(json, name);
  if (const std::string format = document.text("format"); format != kFormat)
    document.fail(fmt::format("field 'format': expected '{}', got '{}'", kFormat, format));
  const int version = document.integer<int>("version");
  require(version == Calibration::kVersion, name,
          fmt::format("version {}: this program reads version {}", version, Calibration::kVersion));

  Calibration c;
  c.source = read_source(Reader(document.get("source"), name + ": source"));
  c.source.pictures = document.texts("pictures");
  c.method = document.word("method", parse_calibration_method);
  c.percentile = document.number("percentile");
  c.scheme = document.word("scheme", parse_quantization_scheme);
  c.weight_rounding = document.word("weight_rounding", parse_weight_rounding);
  c.bias_correction = document.boolean("bias_correction");
  c.forced = document.texts("forced");
  c.tensors = read_entries<TensorCalibration>(document, name, "tensors", read_tensor);
  c.layers = read_entries<LayerCalibration>(document, name, "layers", read_layer);
  const std::string checksum = document.text("checksum");
  validate(c, name);
  // Last, so that what can be named is named.
  require(checksum == checksum_of(json), name,
          fmt::format("the content does not have the checksum {}: the file was damaged, or edited by hand",
                      checksum));
  return c;
}

}  // namespace

Calibration Calibration::from_json(std::string_view text, const std::string& name) {
  const cpu::ScopedFloatEnvironment float_environment(cpu::Denormals::kKept);
  return read_document(parse(text, name), name);
}

std::string Calibration::to_json() const {
  validate(*this, "calibration");
  try {
    return to_lines(to_document(*this));
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("calibration: cannot be said in JSON: {}", error.what()));
  }
}

Calibration Calibration::load(const std::filesystem::path& file) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(file, error))
    throw Error(ErrorCode::kNotFound, fmt::format("{}: no such file", file.string()));
  const std::uintmax_t size = std::filesystem::file_size(file, error);
  if (error) throw Error(ErrorCode::kIo, fmt::format("{}: {}", file.string(), error.message()));
  if (size > kLargestFile)
    throw Error(ErrorCode::kParse, fmt::format("{}: {} bytes is no calibration", file.string(), size));
  std::string text(static_cast<std::size_t>(size), '\0');
  std::ifstream in(file, std::ios::binary);
  if (!in.read(text.data(), static_cast<std::streamsize>(size)))
    throw Error(ErrorCode::kIo, fmt::format("{}: cannot be read", file.string()));
  return from_json(text, file.string());
}

void Calibration::save(const std::filesystem::path& file) const {
  const std::string text = to_json();
  base::AtomicFile out(file);
  out.write(text);
  out.commit();
}

}  // namespace octet
