#include "save/engine_header.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/hash.h"
#include "octet/error.h"
#include "save/type_fields.h"

namespace octet::save {

OCTET_FIELDS(Part, bytes, checksum)
OCTET_FIELDS(Header, version, revision, needed, record, weights)

namespace {

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

bool begins_with(std::span<const std::byte> bytes, std::string_view magic) {
  const auto wanted = bytes_of(magic);
  return bytes.size() >= wanted.size() && std::equal(wanted.begin(), wanted.end(), bytes.begin());
}

}  // namespace

void fail(ErrorCode code, const std::string& file, const std::string& what) {
  throw Error(code, fmt::format("{}: {}", file, what));
}

std::string encode_header(const Header& header) {
  Writer writer;
  writer(kFormat, header);
  std::string page = std::string(kMagic) + writer.bytes();
  if (page.size() > kHeaderChecksumAt)
    throw Error(ErrorCode::kInternal, "the header of a saved engine exceeds its page");
  page.resize(kHeaderChecksumAt, '\0');
  Writer checksum;
  checksum(base::hash64(bytes_of(page)));
  return page + checksum.bytes();
}

Header decode_header(const std::string& file, std::span<const std::byte> bytes, const BuildInfo& reader) {
  if (!begins_with(bytes, kMagic))
    fail(ErrorCode::kParse, file,
         fmt::format("no saved engine: expected a file that begins with {}", kMagic));
  const auto behind_magic = bytes.first(std::min(bytes.size(), kHeaderChecksumAt)).subspan(kMagic.size());
  Reader archive(file, behind_magic, kMagic.size());
  std::uint32_t format;
  archive(format);
  if (format != kFormat)
    fail(ErrorCode::kUnsupported, file,
         fmt::format("a saved engine of format {}; Octet {} reads format {}", format, reader.version,
                     kFormat));
  if (bytes.size() < kPage)
    fail(ErrorCode::kParse, file,
         fmt::format("cut short: {} bytes, of which the header alone has {}", bytes.size(), kPage));
  std::uint64_t checksum;
  Reader(file, bytes.subspan(kHeaderChecksumAt, sizeof checksum), kHeaderChecksumAt)(checksum);
  if (checksum != base::hash64(bytes.first(kHeaderChecksumAt)))
    fail(ErrorCode::kParse, file, "damaged: the header's checksum is wrong");
  Header header;
  archive(header);
  return header;
}

}  // namespace octet::save
