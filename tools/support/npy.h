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
/// called.
class NpyWriter {
 public:
  /// Throws Error(kIo) if the file cannot be created.
  NpyWriter(const std::filesystem::path& path, const Shape& shape, DataType type = DataType::kFloat32);
  ~NpyWriter();  // removes the temporary file unless finished
  NpyWriter(const NpyWriter&) = delete;
  NpyWriter& operator=(const NpyWriter&) = delete;

  /// Elements of the array's type.
  void write(std::span<const float> elements);
  void write(std::span<const std::uint8_t> elements);
  /// Throws Error(kIo) if anything could not be written.
  void finish();

 private:
  std::filesystem::path path_;
  std::filesystem::path temporary_;
  std::ofstream file_;
  bool finished_ = false;
};

}  // namespace octet::tools
