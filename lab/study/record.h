// A record: the raw samples of one unit of a study's work, as docs/study-bundle.md describes it. Written
// whole when the work is done and never changed, so that a study that is killed loses at most the unit in
// progress.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lab/support/json_fwd.h"

namespace octet::lab {

inline constexpr const char* kRecordSchema = "octet.record/1";

/// "throughput/resnet-50/int8/b32" -> "throughput~resnet-50~int8~b32.json". A key has letters, digits and
/// -._/ only; throws Error(kInvalidArgument) for another.
std::string record_file_name(std::string_view key);

class RecordStore {
 public:
  /// DIR/records; made if it is not there. Throws Error(kIo).
  explicit RecordStore(std::filesystem::path folder);

  /// The record of this key if it is there, whole, of a schema that is known, and of the same `depends`; one
  /// that is broken or of other options is put aside (renamed to *.stale) and nothing is returned.
  std::optional<Json> find(std::string_view key, std::string_view depends) const;
  /// Adds schema; the record has key, kind, outcome, depends. Throws Error(kIo); then nothing is changed.
  void save(Json record) const;
  /// All records, in order of key. Throws Error(kParse) naming a file that is broken, Error(kUnsupported) for
  /// a newer schema.
  std::vector<Json> load_all() const;
  const std::filesystem::path& folder() const { return folder_; }

 private:
  std::filesystem::path folder_;
};

}  // namespace octet::lab
