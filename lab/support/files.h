// Small files read and written whole. A written file appears under its name complete and durable, or not at
// all, so that a run that is killed leaves no half of one.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace octet::lab {

/// What a written file outlives.
enum class Durability {
  kPowerCut,  ///< synced, file and name
  kKill,      ///< not synced: for thousands of files that can be made again
};

/// A file written piece by piece beside its place, under a temporary name that ends in .tmp, which becomes
/// its name at the end. Every function throws Error(kIo) naming the file and the system's reason; an old file
/// of that name is then untouched.
class FileWriter {
 public:
  explicit FileWriter(const std::filesystem::path& file, Durability durability = Durability::kPowerCut);
  /// Without commit() the temporary file is removed.
  ~FileWriter();
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;

  void write(std::string_view bytes);
  void commit();

 private:
  std::filesystem::path file_, temporary_;
  Durability durability_;
  int descriptor_ = -1;
  bool renamed_ = false;
};

/// All of a FileWriter in one.
void write_file(const std::filesystem::path& file, std::string_view bytes,
                Durability durability = Durability::kPowerCut);

/// Removes what writers left behind that were killed. Nobody else may be writing in the folder.
void remove_temporaries(const std::filesystem::path& folder);

/// Throws Error(kNotFound), Error(kIo), or Error(kParse) for more than `max_bytes`.
std::string read_file(const std::filesystem::path& file, std::uintmax_t max_bytes = std::uintmax_t{1} << 30);

/// The same of a file in a folder that may be somebody else's, a bundle for one. Throws Error(kParse) for a
/// path that leads out of it, by its words or by a symbolic link below the folder.
std::string read_file_inside(const std::filesystem::path& folder, const std::filesystem::path& path,
                             std::uintmax_t max_bytes = std::uintmax_t{1} << 30);

/// Makes the folder and its parents. Throws Error(kIo) saying why it cannot, also if it is there but cannot
/// be written to.
void make_writable_folder(const std::filesystem::path& folder);

}  // namespace octet::lab
