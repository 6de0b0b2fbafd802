// QuantizeLinear and DequantizeLinear: values as 8-bit integers, and back.
//
// A pair of both around a tensor is a rounding of its values, and becomes an activation of that name in the
// graph; which layers then compute with integers is not decided here (quantize/file_scales.h). Constants are
// computed at import and remember their scales, so that layers get the very integers of the file.
#include <algorithm>
#include <cmath>
#include <utility>

#include "import/onnx/operators.h"

namespace octet::onnx {
namespace {

/// Both operators' second and third input, and what they say about the first.
struct LinearScale {
  std::vector<float> scales;
  std::vector<std::int32_t> zero_points;  // as many
  std::optional<ElementType> type;        // of the zero points, where there are any
  std::size_t axis = 0;  // along which there is one of each; without meaning for a single one

  bool operator==(const LinearScale&) const = default;
};

struct IntegerRange {
  double least, most;
};

IntegerRange range_of(const NodeImport& n, ElementType type, bool with_32_bits) {
  if (type == ElementType::kUint8) return {0, 255};
  if (type == ElementType::kInt8) return {-128, 127};
  if (type == ElementType::kInt32 && with_32_bits) return {-0x1p31, 0x1p31 - 1};
  n.unsupported("integers of {}; Octet computes with uint8 and int8{}", to_string(type),
                with_32_bits ? " (and adds biases of int32)" : "");
}

void check_range(const NodeImport& n, const char* what, const std::vector<std::int32_t>& values,
                 ElementType type, IntegerRange range) {
  for (const std::int32_t value : values) {
    if (value >= range.least && value <= range.most) continue;
    n.invalid("the {} holds {}, expected {} to {} of {}", what, value, range.least, range.most,
              to_string(type));
  }
}

/// `dims`: of the values that are scaled.
LinearScale read_scale(const NodeImport& n, const Dims& dims) {
  if (n.attributes().integer("block_size", 0) != 0) {
    n.unsupported("scales of blocks (block_size {})", n.attributes().integer("block_size", 0));
  }
  if (!n.has_input(1)) n.invalid("the scale (input 1) is missing");
  const Constant& scale = n.real_constant(1, "scale");
  LinearScale result;
  result.scales.assign(scale.real_values().begin(), scale.real_values().end());
  for (const float value : result.scales) {
    if (!(value > 0) || !std::isfinite(value))
      n.invalid("a scale of {}, expected a finite number above 0", value);
  }
  result.zero_points.assign(result.scales.size(), 0);
  if (scale.dims.size() > 1) n.invalid("the scale is {}, expected one value or a list", scale.shape_text());
  if (result.scales.size() > 1) {
    result.axis = n.settle_axis(n.attributes().integer("axis", 1), dims.size());
    if (dims[result.axis] != scale.dims[0]) {
      n.invalid("{} scales along axis {} of {}, expected {}", scale.dims[0], result.axis, to_string(dims),
                dims[result.axis]);
    }
  }
  if (!n.has_input(2)) return result;
  const IntegerTensor zero_point = n.integer_tensor(2, "zero point");
  if (zero_point.values.size() != result.scales.size()) {
    n.invalid("the zero point is {} and the scale {}, expected as many of both", to_string(zero_point.dims),
              scale.shape_text());
  }
  result.type = zero_point.type;
  result.zero_points = zero_point.values;
  return result;
}

/// The scale and zero point of each element, in the order of the elements.
class ScaleOfElement {
 public:
  ScaleOfElement(const LinearScale& scale, const Dims& dims) : scale_(scale) {
    if (scale.scales.size() == 1) return;
    for (std::size_t i = scale.axis + 1; i < dims.size(); ++i) inner_ *= static_cast<std::size_t>(dims[i]);
  }
  std::size_t index(std::size_t element) const { return element / inner_ % scale_.scales.size(); }
  double scale(std::size_t element) const { return static_cast<double>(scale_.scales[index(element)]); }
  double zero_point(std::size_t element) const { return scale_.zero_points[index(element)]; }

 private:
  const LinearScale& scale_;
  std::size_t inner_ = 1;
};

float quantized(float value, double scale, double zero_point, IntegerRange range) {
  const auto quotient = static_cast<double>(value / static_cast<float>(scale));  // FP32, as ONNX has it
  return static_cast<float>(std::clamp(std::nearbyint(quotient) + zero_point, range.least, range.most));
}

/// The type that a QuantizeLinear writes.
ElementType written_type(const NodeImport& n, const LinearScale& scale) {
  const auto number = n.attributes().integer("output_dtype", 0);
  const auto said = static_cast<ElementType>(number);
  if (!scale.type) return number == 0 ? ElementType::kUint8 : said;
  if (number != 0 && said != *scale.type) {
    n.invalid("output_dtype is {}, but the zero point is of {}", to_string(said), to_string(*scale.type));
  }
  return *scale.type;
}

void quantize_constant(NodeImport& n) {
  const Constant& from = n.real_constant(0, "x");
  const LinearScale scale = read_scale(n, from.dims);
  IntegerTensor to{from.dims, written_type(n, scale), {}};
  const IntegerRange range = range_of(n, to.type, false);
  check_range(n, "zero point", scale.zero_points, to.type, range);
  n.reserve_elements(from.dims);
  const ScaleOfElement of(scale, from.dims);
  const std::span<const float> values = from.real_values();
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isnan(values[i])) n.invalid("a value is NaN");
    to.values.push_back(
        static_cast<std::int32_t>(quantized(values[i], of.scale(i), of.zero_point(i), range)));
  }
  n.set_output(std::move(to));
}

void dequantize_constant(NodeImport& n) {
  const IntegerTensor from = n.integer_tensor(0, "x");
  const LinearScale scale = read_scale(n, from.dims);
  const IntegerRange range = range_of(n, from.type, true);
  if (scale.type && *scale.type != from.type) {
    n.invalid("the zero point is of {}, but the integers are of {}", to_string(*scale.type),
              to_string(from.type));
  }
  check_range(n, "zero point", scale.zero_points, from.type, range);
  check_range(n, "input", from.values, from.type, range);
  n.reserve_elements(from.dims);
  const ScaleOfElement of(scale, from.dims);
  base::AlignedBuffer reals(from.values.size() * sizeof(float));
  for (std::size_t i = 0; i < from.values.size(); ++i)
    reals.floats()[i] = static_cast<float>(of.scale(i) * (from.values[i] - of.zero_point(i)));
  Constant to = Constant::of_reals(from.dims, std::move(reals));
  if (from.type != ElementType::kInt32) {
    to.scales = std::make_shared<const StoredScales>(StoredScales{scale.scales, scale.axis});
  }
  n.set_output(std::move(to));
}

LinearScale single_scale(const NodeImport& n, const Variable& from) {
  LinearScale scale = read_scale(n, n.shape_of(from.tensor).dims());
  if (scale.scales.size() > 1) {
    n.unsupported("{} scales for a tensor that is computed; expected one (weights may have one a channel)",
                  scale.scales.size());
  }
  return scale;
}

/// Octet's bytes are unsigned: a signed integer q with zero point z is q + 128 with zero point z + 128.
std::int64_t unsigned_zero_point(const QuantizedVariable& from) {
  return from.zero_point + (from.type == ElementType::kInt8 ? 128 : 0);
}

Variable round_variable(NodeImport& n, const QuantizedVariable& from) {
  const auto zero_point = static_cast<float>(unsigned_zero_point(from));
  const graph::Activation rounding{graph::ActivationFunction::kRounding, from.scale, zero_point};
  return Variable{n.add_tensor(rounding, {from.real.tensor})};
}

}  // namespace

bool reads_integers(const NodeEntry& node, std::size_t i) {
  return (node.op_type == "DequantizeLinear" && i == 0) ||
         ((node.op_type == "DequantizeLinear" || node.op_type == "QuantizeLinear") && i == 2);
}

void convert_quantize(NodeImport& n) {
  if (n.is_constant(0)) return quantize_constant(n);
  QuantizedVariable to{.real = {n.tensor(0)}};
  const LinearScale scale = single_scale(n, to.real);
  to.type = written_type(n, scale);
  check_range(n, "zero point", scale.zero_points, to.type, range_of(n, to.type, false));
  to.scale = scale.scales[0];
  to.zero_point = scale.zero_points[0];
  n.set_output(to);
}

void convert_dequantize(NodeImport& n) {
  QuantizedVariable* const from = n.quantized(0);
  if (from == nullptr) return dequantize_constant(n);
  const LinearScale scale = single_scale(n, from->real);
  if (scale.type && *scale.type != from->type) {
    n.invalid("the zero point is of {}, but QuantizeLinear wrote {}", to_string(*scale.type),
              to_string(from->type));
  }
  if (scale.scales[0] != from->scale || scale.zero_points[0] != from->zero_point) {
    n.unsupported("scale {} and zero point {}, but QuantizeLinear had {} and {}; expected the same",
                  scale.scales[0], scale.zero_points[0], from->scale, from->zero_point);
  }
  if (from->rounded) {
    n.set_output(*from->rounded);
  } else {
    from->rounded = round_variable(n, *from);
  }
}

}  // namespace octet::onnx
