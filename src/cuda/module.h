// The device functions as a GPU takes them: what the library carries for drivers and run-time compilers
// (docs/cuda-build.md).
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace octet::cuda {

/// A fat binary: machine code of several architectures and intermediate code for later ones, from which a
/// driver takes what suits its device. Empty if this library was built without a CUDA compiler.
std::span<const std::byte> module_image();

struct SourceFile {
  std::string_view name;  ///< by which others include it
  std::string_view text;
};
/// What the module is compiled from, for architectures that the image lacks: module.cu first, then all that
/// it includes. Always there.
std::span<const SourceFile> module_sources();

}  // namespace octet::cuda
