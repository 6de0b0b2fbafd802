#include "octet/export.h"

#include "export/onnx_exporter.h"

namespace octet {

void export_onnx(const Network& network, const std::filesystem::path& path) {
  exporting::export_onnx(network.graph(), path);
}

}  // namespace octet
