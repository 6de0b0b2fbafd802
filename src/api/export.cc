#include "octet/export.h"

#include <fmt/format.h>

#include "base/atomic_file.h"
#include "export/onnx_exporter.h"
#include "export/tensorrt_cache.h"
#include "octet/error.h"
#include "optimize/optimizer.h"
#include "plan/lower.h"
#include "quantize/scheme.h"

namespace octet {

void export_onnx(const Network& network, const std::filesystem::path& path) {
  exporting::export_onnx(network.graph(), path);
}

void export_qdq_onnx(const Network& network, const Calibration& calibration, const QdqOptions& options,
                     const std::filesystem::path& path) {
  if (options.precision != Precision::kInt8 && options.precision != Precision::kMixed)
    throw Error(ErrorCode::kInvalidArgument, fmt::format("a QDQ model is of precision int8 or mixed, got {}",
                                                         to_string(options.precision)));
  graph::Graph graph = network.graph();
  optimize::optimize(graph);
  const quantize::Scheme scheme = quantize::make_scheme(graph, options.precision, &calibration);
  plan::Plan plan;
  plan::lower(graph, scheme, {&calibration, options.pixel_input}, plan);
  exporting::export_qdq_onnx(graph, {calibration, scheme, plan, options.pixel_input}, path);
}

void export_tensorrt_cache(const Calibration& calibration, int tensorrt_version,
                           const std::filesystem::path& path) {
  const std::string text = exporting::tensorrt_cache(calibration, tensorrt_version);
  base::AtomicFile file(path);
  file.write(text);
  file.commit();
}

}  // namespace octet
