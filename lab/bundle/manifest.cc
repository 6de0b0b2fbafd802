#include "lab/bundle/manifest.h"

#include <fmt/format.h>

#include <algorithm>

#include "lab/bundle/bundle.h"
#include "lab/bundle/json_reader.h"
#include "lab/bundle/json_text.h"
#include "lab/bundle/options.h"
#include "lab/bundle/record.h"
#include "lab/bundle/sha256.h"
#include "lab/support/files.h"
#include "lab/support/json.h"
#include "octet/error.h"

namespace octet::lab {
namespace fs = std::filesystem;
namespace {

constexpr std::uintmax_t kMaxManifestBytes = std::uintmax_t{64} << 20;
constexpr const char* kSingleFiles[] = {"study.toml", "results.json", "report.html"};
constexpr const char* kFolders[] = {"records", "csv"};

/// Over the manifest without its own hash.
std::string hash_of(Json manifest) {
  manifest.erase("sha256");
  return sha256(format_json(manifest));
}

}  // namespace

StudyHeader with_options(StudyHeader header, const fs::path& folder) {
  const fs::path file = folder / "study.toml";
  header.options.clear();
  if (fs::exists(file))
    header.options = options_of_toml(read_file_inside(folder, "study.toml"), file.string());
  return header;
}

bool belongs_to_bundle(const std::string& path) {
  if (std::find(std::begin(kSingleFiles), std::end(kSingleFiles), path) != std::end(kSingleFiles))
    return true;
  const auto slash = path.find('/');
  if (slash == std::string::npos) return false;
  const std::string name = path.substr(slash + 1);
  return std::find(std::begin(kFolders), std::end(kFolders), path.substr(0, slash)) != std::end(kFolders) &&
         !name.empty() && name.find('/') == std::string::npos && name.front() != '.' &&
         !name.ends_with(".tmp");
}

std::vector<std::string> bundle_files(const fs::path& folder) {
  std::vector<std::string> files;
  const auto add = [&](const std::string& path) {
    if (belongs_to_bundle(path) && fs::is_regular_file(fs::symlink_status(folder / path)))
      files.push_back(path);
  };
  for (const char* name : kSingleFiles) add(name);
  for (const char* name : kFolders) {
    std::error_code error;
    for (fs::directory_iterator entry(folder / name, error), end; !error && entry != end;
         entry.increment(error))
      add(fmt::format("{}/{}", name, entry->path().filename().string()));
    if (error && error != std::errc::no_such_file_or_directory)
      throw Error(ErrorCode::kIo,
                  fmt::format("{}: cannot be read: {}", (folder / name).string(), error.message()));
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::string make_manifest(const fs::path& folder, const StudyHeader& header, const Json& results) {
  Json manifest = {{"schema", kManifestSchema}, {"octet", octet_build()}, {"study", to_json(header)}};
  if (results.contains("machine")) manifest["machine"] = results["machine"];
  Json files = Json::array();
  for (const std::string& path : bundle_files(folder)) {
    const std::string bytes = read_file_inside(folder, path);
    files.push_back({{"path", path}, {"bytes", bytes.size()}, {"sha256", sha256(bytes)}});
  }
  manifest["files"] = std::move(files);
  // Parsed again, so that the hash is of what a reader will see (text that was not UTF-8 is repaired).
  manifest = parse_json(format_json(manifest), "manifest.json");
  manifest["sha256"] = hash_of(manifest);
  return format_json(manifest);
}

Manifest read_manifest(const fs::path& folder) {
  const fs::path file = folder / "manifest.json";
  if (!fs::exists(file))
    throw Error(ErrorCode::kNotFound,
                fmt::format("{}: expected the folder of a study, it has no manifest.json", folder.string()));
  const std::string text = read_file_inside(folder, "manifest.json", kMaxManifestBytes);
  const Json json = parse_json(text, file.string());
  check_schema(json, kManifestSchema, file.string());
  const JsonReader reader(json, file.string());
  Manifest manifest;
  if (reader.text("sha256") != hash_of(json))
    manifest.fault = "its content does not have the SHA-256 that it says of itself";
  else if (format_json(json) != text)
    manifest.fault = "its bytes are not those that Octet writes for this content";
  const JsonReader build = reader.at("octet");
  for (const char* key : {"version", "revision", "compiler", "flags", "build_type"})
    manifest.build.push_back(build.text(key));
  manifest.study = study_header_from(reader.at("study").json());
  for (const JsonReader& entry : reader.list("files"))
    manifest.files.push_back(
        {entry.text("path"), static_cast<std::uint64_t>(entry.integer("bytes")), entry.text("sha256")});
  return manifest;
}

}  // namespace octet::lab
