#include "save/engine_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "base/aligned_buffer.h"
#include "base/atomic_file.h"
#include "base/hash.h"
#include "octet/error.h"

namespace octet::save {
namespace {

/// Text from a file in a message: no control characters.
std::string printable(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return std::isprint(c) == 0; }, '?');
  return text;
}

void check_writer(const std::string& file, const Header& header, const BuildInfo& reader) {
  if (header.version == reader.version && header.revision == reader.revision) return;
  fail(ErrorCode::kMismatch, file,
       fmt::format(
           "written by Octet {} ({}), this is {} ({}): packed weights can be read only by the build that "
           "wrote them; build the engine anew",
           printable(header.version), printable(header.revision), reader.version, reader.revision));
}

void check_isa(const std::string& file, Isa needed, std::span<const IsaStatus> isas) {
  for (const IsaStatus& status : isas) {
    if (status.isa == needed && !status.usable)
      fail(ErrorCode::kUnsupported, file,
           fmt::format("built for {}, which cannot be used here: {}", to_string(needed), status.reason));
  }
}

/// The parts behind the header, whose bytes are what was written.
struct Parts {
  std::span<const std::byte> record, weights;
};

Parts read_parts(const std::string& file, std::span<const std::byte> bytes, const Header& header) {
  const std::span<const std::byte> behind = bytes.subspan(kPage);
  // Neither sum overflows: no part is larger than the file.
  const bool possible = header.record.bytes <= behind.size() && header.weights.bytes <= behind.size();
  const std::size_t record_pages = possible ? base::round_up(header.record.bytes, kPage) : 0;
  if (!possible || record_pages + header.weights.bytes != behind.size())
    fail(ErrorCode::kParse, file,
         fmt::format(
             "cut short or extended: {} bytes, but the header speaks of a record of {} and weights of {}",
             bytes.size(), header.record.bytes, header.weights.bytes));
  const auto record = behind.first(record_pages), weights = behind.subspan(record_pages);
  if (base::hash64(record) != header.record.checksum)
    fail(ErrorCode::kParse, file, "damaged: the record's checksum is wrong");
  if (base::hash64(weights) != header.weights.checksum)
    fail(ErrorCode::kParse, file, "damaged: the checksum of the packed weights is wrong");
  return {record.first(static_cast<std::size_t>(header.record.bytes)), weights};
}

}  // namespace

void write_engine_file(const std::filesystem::path& path, const BuildInfo& writer, Isa needed,
                       const EngineRecord& record, std::span<const std::byte> weights) {
  std::string encoded = encode(record);
  const std::size_t record_bytes = encoded.size();
  encoded.resize(base::round_up(record_bytes, kPage), '\0');
  const Header header = {writer.version,
                         writer.revision,
                         needed,
                         {record_bytes, base::hash64(std::as_bytes(std::span(encoded)))},
                         {weights.size(), base::hash64(weights)}};
  base::AtomicFile file(path);
  file.write(encode_header(header));
  file.write(encoded);
  file.write({reinterpret_cast<const char*>(weights.data()), weights.size()});
  file.commit();
}

EngineFile::EngineFile(const std::filesystem::path& path, const BuildInfo& reader,
                       std::span<const IsaStatus> isas)
    : file_(path) {
  const std::span<const std::byte> bytes = file_.bytes();
  const Header header = decode_header(name(), bytes, reader);
  check_writer(name(), header, reader);
  check_isa(name(), header.needed, isas);
  const Parts parts = read_parts(name(), bytes, header);
  record_ = parts.record;
  weights_ = parts.weights;
}

EngineRecord EngineFile::record() const { return decode(name(), record_, kPage); }

}  // namespace octet::save
