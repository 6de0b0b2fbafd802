#include "cuda/module.h"

#include "base/embed.h"

#ifdef OCTET_CUDA_IMAGE
OCTET_EMBED(octet_cuda_image, OCTET_CUDA_IMAGE);
#endif
#define OCTET_MODULE_SOURCE(index, name, path) OCTET_EMBED(octet_cuda_source_##index, path);
#include OCTET_CUDA_SOURCES

namespace octet::cuda {
namespace {

std::string_view text_of(const std::byte* begin, const std::byte* end) {
  return {reinterpret_cast<const char*>(begin), static_cast<std::size_t>(end - begin)};
}

}  // namespace

std::span<const std::byte> module_image() {
#ifdef OCTET_CUDA_IMAGE
  return {octet_cuda_image, octet_cuda_image_end};
#else
  return {};
#endif
}

std::span<const SourceFile> module_sources() {
  static const SourceFile files[] = {
#define OCTET_MODULE_SOURCE(index, name, path) \
  {name, text_of(octet_cuda_source_##index, octet_cuda_source_##index##_end)},
#include OCTET_CUDA_SOURCES
  };
  return files;
}

}  // namespace octet::cuda
