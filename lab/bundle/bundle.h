// A study's folder: writing what is derived, checking it, comparing two. docs/study-bundle.md describes it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "lab/bundle/results.h"
#include "lab/support/json_fwd.h"

namespace octet::lab {

inline constexpr const char* kManifestSchema = "octet.manifest/1";

/// Derives results.json, the CSV tables and report.html from the records that are there, writes them, and
/// last the manifest with the hash of every file. Whatever moment it is killed at, the folder holds either
/// the old set or says by `verify` that it is not whole; calling it again mends it. Throws Error(kIo,
/// kParse).
void write_bundle(const std::filesystem::path& folder, const StudyHeader& header);

struct VerifyFinding {
  std::string file;
  std::string text;  ///< "SHA-256 is ..., the manifest says ..."
};
struct VerifyReport {
  int files = 0;  ///< hashed
  int records = 0;
  int derived_values = 0;               ///< numbers of results.json that were derived again and are the same
  std::vector<VerifyFinding> findings;  ///< empty: the bundle is what it says
  std::vector<std::string> notes;  ///< what could not be checked and why (made by another version of Octet)
  bool ok() const { return findings.empty(); }
};
/// Throws Error: kNotFound (no bundle), kUnsupported (of a newer version; says which), kParse (a manifest
/// that cannot be read).
VerifyReport verify_bundle(const std::filesystem::path& folder);

/// Two bundles side by side: rows that both have, with ratio and whether it is significant (interval from the
/// raw samples), rows that only one has, and what differs in machine, build and options. The JSON is what
/// `octet compare --format json` prints.
Json compare_bundles(const std::filesystem::path& a, const std::filesystem::path& b);

}  // namespace octet::lab
