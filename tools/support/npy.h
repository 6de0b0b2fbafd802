// NumPy's .npy arrays (NEP 1; versions 1.0 to 3.0), read and written image by image, so that an array may be
// larger than the memory. Strict: FP32 or u8, little-endian, C order, and a file exactly as long as its
// header says; everything else is an error that names the file and what NumPy call would mend it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <string_view>

#include "lab/support/files.h"
#include "octet/types.h"

namespace octet::tools {

struct NpyHeader {
  DataType type = DataType::kFloat32;  ///< kFloat32 or kUInt8
  Shape shape;
};

/// Parses the dictionary of a header: "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3), }". Throws
/// Error(kParse) or Error(kUnsupported) with `name` for the file.
NpyHeader parse_npy_header(std::string_view dictionary, const std::string& name);

class NpyReader {
 public:
  /// Throws Error: kNotFound, kParse (not a .npy, broken header, length differs), kUnsupported (other types).
  explicit NpyReader(const std::filesystem::path& path);

  const NpyHeader& header() const { return header_; }
  /// Reads the next elements, into memory of the array's type. Throws Error(kIo).
  void read(std::span<float> elements);
  void read(std::span<std::uint8_t> elements);

 private:
  void read_bytes(void* to, std::size_t bytes);

  std::filesystem::path path_;
  std::ifstream file_;
  NpyHeader header_;
};

/// Writes an array of a known shape, FP32 or u8. The file appears under its name only when `finish` has been
/// called. Every function throws Error(kIo) naming it and the system's reason.
class NpyWriter {
 public:
  NpyWriter(const std::filesystem::path& path, const Shape& shape, DataType type = DataType::kFloat32);

  /// Elements of the array's type.
  void write(std::span<const float> elements);
  void write(std::span<const std::uint8_t> elements);
  void finish();

 private:
  lab::FileWriter file_;
};

}  // namespace octet::tools
