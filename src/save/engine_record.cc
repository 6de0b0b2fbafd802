#include "save/engine_record.h"

#include <fmt/format.h>

#include <cmath>

#include "graph/validate.h"
#include "octet/error.h"
#include "save/graph_fields.h"

namespace octet::save {

// Only what a plan follows from: histograms, errors and rounding bits have done their work.
template <class Archive>
void fields(Archive& a, Field<Archive, TensorCalibration>& tensor) {
  a(tensor.name, tensor.scale, tensor.zero_point, tensor.minimum, tensor.maximum, tensor.pixel_mean);
}
template <class Archive>
void fields(Archive& a, Field<Archive, LayerCalibration>& layer) {
  a(layer.name, layer.precision);
}
template <class Archive>
void fields(Archive& a, Field<Archive, Calibration>& calibration) {
  a(calibration.tensors, calibration.layers);
}

OCTET_FIELDS(Int16Scale, scale, limit)
OCTET_FIELDS(StepRecord, kernel, packed_bytes)
OCTET_FIELDS(PassReport, name, enabled, changes, milliseconds)
OCTET_FIELDS(EngineRecord, precision, isa, sm, max_batch, threads, pixel_input, graph, calibration,
             int16_scales, steps, passes, notes)

namespace {

[[noreturn]] void fail(const std::string& name, const std::string& what) {
  throw Error(ErrorCode::kMismatch, fmt::format("{}: {}", name, what));
}

bool is_scale(float scale) { return scale > 0 && std::isfinite(scale); }

/// The tensor of this name that a node makes; null if there is none.
const graph::Tensor* find_tensor(const graph::Graph& graph, const std::string& name) {
  for (const graph::Node& node : graph.nodes) {
    for (const graph::TensorId t : node.outputs) {
      const graph::Tensor& tensor = graph.tensors[static_cast<std::size_t>(t)];
      if (tensor.name == name) return &tensor;
    }
  }
  return nullptr;
}

/// A mean is one value a channel or one an element of the image.
bool is_mean_of(const graph::Tensor& tensor, std::size_t values) {
  const auto is = [&](std::int64_t expected) { return values == static_cast<std::size_t>(expected); };
  return is(tensor.shape.dim_or_1(1)) || is(tensor.shape.elements_per_image());
}

void check_calibration(const std::string& name, const graph::Graph& graph, const Calibration& calibration) {
  for (const TensorCalibration& known : calibration.tensors) {
    if (!is_scale(known.scale) || known.zero_point < 0 || known.zero_point > 255 ||
        !std::isfinite(known.minimum) || !std::isfinite(known.maximum))
      fail(name, fmt::format("tensor '{}': scale {}, zero point {}, values {} to {} are no quantisation",
                             known.name, known.scale, known.zero_point, known.minimum, known.maximum));
    if (known.pixel_mean.empty()) continue;
    const graph::Tensor* tensor = find_tensor(graph, known.name);
    if (tensor == nullptr || !is_mean_of(*tensor, known.pixel_mean.size()))
      fail(name, fmt::format("tensor '{}': a mean of {} values fits no input", known.name,
                             known.pixel_mean.size()));
  }
}

void check_int16_scales(const std::string& name, const EngineRecord& record) {
  if (record.int16_scales.empty()) return;
  if (record.int16_scales.size() != record.graph.tensors.size())
    fail(name, fmt::format("{} 16-bit scales for {} tensors", record.int16_scales.size(),
                           record.graph.tensors.size()));
  for (const Int16Scale& s : record.int16_scales)
    if (!is_scale(s.scale) || s.limit < 1 || s.limit > 32767)
      fail(name,
           fmt::format("16-bit scale {} with limit {}: expected above 0 and 1 to 32767", s.scale, s.limit));
}

}  // namespace

std::string encode(const EngineRecord& record) {
  Writer writer;
  writer(record);
  return writer.bytes();
}

EngineRecord decode(const std::string& name, std::span<const std::byte> bytes, std::size_t offset) {
  EngineRecord record;
  Reader reader(name, bytes, offset);
  reader(record);
  reader.expect_end();
  try {
    graph::validate(record.graph);
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("{}: {}", name, error.what()));
  }
  if (record.calibration) check_calibration(name, record.graph, *record.calibration);
  check_int16_scales(name, record);
  return record;
}

}  // namespace octet::save
