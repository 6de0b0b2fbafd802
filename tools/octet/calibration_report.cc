#include "tools/octet/calibration_report.h"

#include <fmt/format.h>

#include "tools/support/sparkline.h"
#include "tools/support/table.h"

namespace octet::tools {
namespace {

constexpr int kBarWidth = 32;

Json tensor_to_json(const TensorCalibration& tensor, bool histogram) {
  Json entry = {{"name", tensor.name},
                {"scale", tensor.scale},
                {"zero_point", tensor.zero_point},
                {"method", to_string(tensor.method)},
                {"threshold", tensor.threshold},
                {"minimum", tensor.minimum},
                {"maximum", tensor.maximum},
                {"clipped", tensor.clipped},
                {"pictures", !tensor.pixel_mean.empty()}};
  if (!tensor.tied_to.empty()) entry["tied_to"] = tensor.tied_to;
  if (histogram) {
    entry["histogram"] = tensor.histogram;
    entry["zeros"] = tensor.zeros;
  }
  return entry;
}

Json layer_to_json(const LayerCalibration& layer) {
  return {{"name", layer.name},
          {"precision", to_string(layer.precision)},
          {"reason", layer.reason},
          {"sqnr_db", layer.sqnr_db},
          {"sensitivity", layer.sensitivity},
          {"bias_correction", !layer.bias_correction.empty()},
          {"weight_rounding", layer.rounding_bits.empty() ? "nearest" : "adaptive"}};
}

/// What the scale of a tensor comes from.
std::string origin_of(const TensorCalibration& tensor) {
  if (!tensor.pixel_mean.empty()) return "pictures";
  return tensor.tied_to.empty() ? to_string(tensor.method) : "as " + tensor.tied_to;
}

void print_tensors(const Calibration& calibration, bool histograms) {
  std::vector<Table::Column> columns = {{"tensor"},
                                        {"from"},
                                        {"scale", kRight},
                                        {"zero", kRight},
                                        {"minimum", kRight},
                                        {"maximum", kRight},
                                        {"threshold", kRight},
                                        {"clipped %", kRight}};
  if (histograms) columns.push_back({"values but zeros, minimum to maximum (log)"});
  Table table(columns);
  for (const TensorCalibration& tensor : calibration.tensors) {
    std::vector<std::string> row = {tensor.name,
                                    origin_of(tensor),
                                    fmt::format("{:.4g}", tensor.scale),
                                    fmt::format("{}", tensor.zero_point),
                                    fmt::format("{:.4g}", tensor.minimum),
                                    fmt::format("{:.4g}", tensor.maximum),
                                    fmt::format("{:.4g}", tensor.threshold),
                                    fmt::format("{:.4f}", tensor.clipped)};
    if (histograms) row.push_back(sparkline(tensor.histogram, kBarWidth));
    table.add_row(std::move(row));
  }
  table.print();
}

void print_layers(const Calibration& calibration) {
  Table table({{"layer"}, {"precision"}, {"SQNR dB", kRight}, {"top-1 lost", kRight}, {"note"}});
  for (const LayerCalibration& layer : calibration.layers) {
    std::string note = layer.reason;
    const auto add = [&](const char* word) { note += (note.empty() ? "" : "; ") + std::string(word); };
    if (!layer.rounding_bits.empty()) add("adaptive rounding");
    if (!layer.bias_correction.empty()) add("bias corrected");
    table.add_row({layer.name, to_string(layer.precision),
                   layer.sqnr_db != 0 ? fmt::format("{:.1f}", layer.sqnr_db) : "-",
                   layer.sensitivity != 0 ? fmt::format("{:.2f}", layer.sensitivity) : "-", note});
  }
  table.print();
}

}  // namespace

Json report_to_json(const Calibration& calibration, bool histograms) {
  Json tensors = Json::array(), layers = Json::array();
  for (const TensorCalibration& tensor : calibration.tensors)
    tensors.push_back(tensor_to_json(tensor, histograms));
  for (const LayerCalibration& layer : calibration.layers) layers.push_back(layer_to_json(layer));
  const CalibrationSource& source = calibration.source;
  return {{"network", source.network},
          {"network_hash", source.network_hash},
          {"data", source.data},
          {"data_hash", source.data_hash},
          {"preprocessing", source.preprocessing},
          {"preprocessing_hash", source.preprocessing_hash},
          {"images", source.images},
          {"batches", source.batches},
          {"batch", source.batch},
          {"method", to_string(calibration.method)},
          {"scheme", to_string(calibration.scheme)},
          {"weight_rounding", to_string(calibration.weight_rounding)},
          {"bias_correction", calibration.bias_correction},
          {"hash", calibration.hash()},
          {"forced", calibration.forced},
          {"tensors", std::move(tensors)},
          {"layers", std::move(layers)}};
}

void print_report(const Calibration& calibration, bool histograms) {
  const CalibrationSource& source = calibration.source;
  fmt::print("calibration {} of {} {}: {}, scheme {}, weights rounded {}{}\n", calibration.hash(),
             source.network, source.network_hash, to_string(calibration.method),
             to_string(calibration.scheme), to_string(calibration.weight_rounding),
             calibration.bias_correction ? ", biases corrected" : "");
  fmt::print("on {} ({})\nprepared as {} ({})\n", source.data, source.data_hash, source.preprocessing,
             source.preprocessing_hash.empty() ? "not compared" : source.preprocessing_hash);
  for (const std::string& forced : calibration.forced) fmt::print("accepted although {}\n", forced);
  fmt::print("\n");
  print_tensors(calibration, histograms);
  fmt::print("\n");
  print_layers(calibration);
}

}  // namespace octet::tools
