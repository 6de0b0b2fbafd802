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

/// The record in this file, its schema, key and name checked. Throws Error: kNotFound, kIo, kParse,
/// kUnsupported (newer schema).
Json load_record(const std::filesystem::path& file);
/// All records of a folder (DIR/records), in order of key; none if it is not there. Throws as load_record.
std::vector<Json> load_records(const std::filesystem::path& folder);

/// {version, revision, compiler, flags, build_type} of this program.
Json octet_build();

class RecordStore {
 public:
  /// DIR/records; made if it is not there. Throws Error(kIo).
  explicit RecordStore(const std::filesystem::path& folder);

  /// The record of this key if it is there, whole and of the same `depends`; one that is broken or of other
  /// options is put aside (renamed to *.stale) and nothing is returned. Throws Error(kUnsupported) for a
  /// newer schema, Error(kIo).
  std::optional<Json> find(std::string_view key, std::string_view depends) const;
  /// Adds schema and `octet` (the build that measured); the record has key, kind, outcome, depends. Throws
  /// Error(kIo); then nothing is changed.
  void save(Json record) const;
  /// All records, in order of key. Throws Error(kParse) naming a file that is broken, Error(kUnsupported) for
  /// a newer schema.
  std::vector<Json> load_all() const;
  const std::filesystem::path& folder() const { return folder_; }

 private:
  std::filesystem::path folder_;
};

}  // namespace octet::lab
