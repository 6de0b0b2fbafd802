// The file of a saved engine:
//
//   header            one page (engine_header.h)
//   record            engine_record.h, filled up to whole pages with zeros
//   packed weights    as kernels read them; used where they lie
//
// Packed weights mean something to the very build of Octet that packed them only, so a file belongs to one
// version and revision. Checksums tell damage; what a file says is checked whether or not they are right, and
// a record holds nothing that is executed or used as an address.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

#include "base/mapped_file.h"
#include "octet/build_info.h"
#include "octet/machine.h"
#include "save/engine_header.h"
#include "save/engine_record.h"

namespace octet::save {

/// `needed`: the highest instruction set of any kernel in it. The file appears whole or not at all. Throws
/// Error(kIo).
void write_engine_file(const std::filesystem::path& path, const BuildInfo& writer, Isa needed,
                       const EngineRecord& record, std::span<const std::byte> weights);

/// An engine's file that has passed its checks.
class EngineFile {
 public:
  /// `reader` must be what wrote the file; `isas` is what this machine has. Throws Error: kNotFound, kIo (no
  /// regular file, not readable), kParse (no saved engine; cut, extended or damaged), kUnsupported (another
  /// format; an instruction set that is missing here), kMismatch (another version or revision).
  EngineFile(const std::filesystem::path& path, const BuildInfo& reader, std::span<const IsaStatus> isas);

  const std::string& name() const { return file_.name(); }
  /// Throws what decode() throws.
  EngineRecord record() const;
  /// Lie in the file, on a page boundary.
  std::span<const std::byte> weights() const { return weights_; }

 private:
  base::MappedFile file_;
  std::span<const std::byte> record_, weights_;
};

}  // namespace octet::save
