// For scripts/cuda_module: writes what the library carries of the device functions, and what a run-time
// compiler makes of it, as files: cuda_module_files FOLDER [LIBRARY ARCHITECTURE...]. Of the image
// FOLDER/module.fatbin, empty if there is none; of each architecture FOLDER/ARCHITECTURE.
#include <fmt/format.h>

#include <exception>
#include <filesystem>
#include <fstream>

#include "cuda/module.h"
#include "cuda/runtime_compiler.h"

namespace octet::cuda {
namespace {

void write(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  std::ofstream file;
  file.exceptions(std::ios::failbit | std::ios::badbit);
  file.open(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  file.close();
}

void write_all(std::span<char*> arguments) {
  const std::filesystem::path folder = arguments[0];
  write(folder / "module.fatbin", module_image());
  if (arguments.size() == 1) return;
  const RuntimeCompiler compiler(arguments[1]);
  for (const char* architecture : arguments.subspan(2))
    write(folder / architecture, compiler.compile(architecture));
  fmt::print("{}\n", compiler.description());
}

}  // namespace
}  // namespace octet::cuda

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "cuda_module_files FOLDER [LIBRARY ARCHITECTURE...]\n");
    return 2;
  }
  try {
    octet::cuda::write_all({argv + 1, static_cast<std::size_t>(argc - 1)});
  } catch (const std::exception& error) {
    fmt::print(stderr, "cuda_module_files: {}\n", error.what());
    return 1;
  }
  return 0;
}
