// manifest.json: what made a bundle and the SHA-256 of every file in it, and of itself
// (docs/study-bundle.md).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "lab/bundle/results.h"
#include "lab/support/json_fwd.h"

namespace octet::lab {

struct ManifestFile {
  std::string path;  ///< from the bundle's folder, with /
  std::uint64_t bytes = 0;
  std::string sha256;
};

/// The header with the options of the folder's study.toml; without them if there is none. Throws as
/// options_of_toml.
StudyHeader with_options(StudyHeader header, const std::filesystem::path& folder);

/// Files that belong to a bundle and are there, without the manifest, in order of path.
std::vector<std::string> bundle_files(const std::filesystem::path& folder);
/// Whether a manifest may name this path: one of bundle_files' kind, so never one outside the folder.
bool belongs_to_bundle(const std::string& path);

/// The manifest's bytes: hashes every file of the bundle. Throws Error(kIo).
std::string make_manifest(const std::filesystem::path& folder, const StudyHeader& header,
                          const Json& results);

/// As far as it is read back.
struct Manifest {
  StudyHeader study;
  std::vector<ManifestFile> files;
  std::vector<std::string> build;  ///< version, revision, compiler, flags, build type of what derived it
  std::string fault;               ///< its bytes are not what its own sha256 says: how; empty if they are
};
/// Throws Error: kNotFound (no bundle), kUnsupported (newer schema),
/// kParse.
Manifest read_manifest(const std::filesystem::path& folder);

}  // namespace octet::lab
