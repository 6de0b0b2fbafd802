#include "lab/bundle/record.h"

#include <fmt/format.h>

#include <algorithm>

#include "lab/bundle/json_reader.h"
#include "lab/bundle/json_text.h"
#include "lab/support/files.h"
#include "lab/support/json.h"
#include "octet/build_info.h"
#include "octet/error.h"

namespace octet::lab {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kMaxKey = 200;  // file names may have 255 bytes
constexpr std::uintmax_t kMaxRecordBytes = std::uintmax_t{256} << 20;

/// What every record says of itself. Throws Error(kParse, kUnsupported) naming `file`.
void check_record(const Json& record, const fs::path& file) {
  check_schema(record, kRecordSchema, file.string());
  const JsonReader reader(record, file.string());
  for (const char* key : {"key", "kind", "outcome", "depends"}) reader.text(key);
  if (file.filename() != record_file_name(reader.text("key")))
    reader.at("key").fail("the name of its file (with / for ~)");
}

/// Beside the record, under the first name that is free: nothing that was measured is lost.
void put_aside(const fs::path& file) {
  for (int i = 1;; ++i) {
    const fs::path aside = file.string() + (i == 1 ? ".stale" : fmt::format(".{}.stale", i));
    if (fs::exists(fs::symlink_status(aside))) continue;
    std::error_code error;
    fs::rename(file, aside, error);
    if (error)
      throw Error(ErrorCode::kIo, fmt::format("{}: cannot be renamed to {}: {}", file.string(),
                                              aside.filename().string(), error.message()));
    return;
  }
}

}  // namespace

std::string record_file_name(std::string_view key) {
  const bool known = std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '/';
  });
  if (!known || key.empty() || key.size() > kMaxKey || key.front() == '.' || key.front() == '/')
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("record '{}': expected a key of 1 to {} letters, digits and -._/ that begins with "
                    "neither . nor /",
                    key.substr(0, kMaxKey), kMaxKey));
  std::string name(key);
  std::replace(name.begin(), name.end(), '/', '~');
  return name + ".json";
}

Json octet_build() {
  const BuildInfo& build = build_info();
  return {{"version", build.version},
          {"revision", build.revision},
          {"compiler", build.compiler},
          {"flags", build.flags},
          {"build_type", build.build_type}};
}

RecordStore::RecordStore(const fs::path& folder) : folder_(folder / "records") {
  make_writable_folder(folder_);
}

std::optional<Json> RecordStore::find(std::string_view key, std::string_view depends) const {
  const fs::path file = folder_ / record_file_name(key);
  if (!fs::exists(fs::symlink_status(file))) return std::nullopt;
  try {
    Json record = load_record(file);
    if (record["depends"] == depends) return record;
  } catch (const Error& error) {
    // A newer Octet's record is not ours to move; what cannot be read for the system's reasons may be whole.
    if (error.code() != ErrorCode::kParse) throw;
  }
  put_aside(file);
  return std::nullopt;
}

void RecordStore::save(Json record) const {
  const JsonReader reader(record, "a record to be saved");
  Json whole = {{"schema", kRecordSchema}};
  for (const char* key : {"key", "kind", "outcome", "depends"}) whole[key] = reader.text(key);
  for (const auto& [key, value] : record.items())
    if (!whole.contains(key)) whole[key] = value;
  if (!whole.contains("octet")) whole["octet"] = octet_build();
  write_file(folder_ / record_file_name(whole["key"].get<std::string>()), format_json(whole));
}

std::vector<Json> RecordStore::load_all() const { return load_records(folder_); }

Json load_record(const fs::path& file) {
  Json record =
      parse_json(read_file_inside(file.parent_path(), file.filename(), kMaxRecordBytes), file.string());
  check_record(record, file);
  return record;
}

std::vector<Json> load_records(const fs::path& folder) {
  if (fs::is_symlink(fs::symlink_status(folder)))
    throw Error(
        ErrorCode::kParse,
        fmt::format("{}: expected a folder of the bundle's own, got a symbolic link", folder.string()));
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
    if (entry->path().extension() == ".json") files.push_back(entry->path());
  if (error && error != std::errc::no_such_file_or_directory)
    throw Error(ErrorCode::kIo, fmt::format("{}: cannot be read: {}", folder.string(), error.message()));
  std::vector<Json> records;
  records.reserve(files.size());
  for (const fs::path& file : files) records.push_back(load_record(file));
  std::sort(records.begin(), records.end(), [](const Json& a, const Json& b) {
    return a["key"].get_ref<const std::string&>() < b["key"].get_ref<const std::string&>();
  });
  return records;
}

}  // namespace octet::lab
