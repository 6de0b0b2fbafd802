// The first page of a saved engine's file: what must be known before anything behind it is looked at.
//
//   magic, 8 bytes; format, 4: these stand there in every format
//   who wrote the file, the instruction set that it needs, sizes and checksums of its parts (Header)
//   zeros; checksum of all the bytes before it, 8 bytes
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "octet/build_info.h"
#include "octet/error.h"
#include "octet/types.h"

namespace octet::save {

inline constexpr std::string_view kMagic = "OCTETENG";
inline constexpr std::uint32_t kFormat = 3;
inline constexpr std::size_t kPage = 4096;
inline constexpr std::size_t kHeaderChecksumAt = kPage - sizeof(std::uint64_t);

/// A part of the file behind the header. Where it lies follows from the sizes of those before it.
struct Part {
  std::uint64_t bytes = 0;     ///< without what fills its last page
  std::uint64_t checksum = 0;  ///< with it
};

struct Header {
  std::string version, revision;  ///< of the writer
  Isa needed = Isa::kGeneric;     ///< the highest instruction set of any kernel
  Part record, weights;
};

/// Throws Error naming the file.
[[noreturn]] void fail(ErrorCode code, const std::string& file, const std::string& what);

/// The header's page, of kPage bytes.
std::string encode_header(const Header& header);

/// The header of a file whose first bytes (or all) are `bytes`. `file` and `reader` are for messages. Throws
/// Error: kParse (no saved engine; cut or damaged), kUnsupported (another format).
Header decode_header(const std::string& file, std::span<const std::byte> bytes, const BuildInfo& reader);

}  // namespace octet::save
