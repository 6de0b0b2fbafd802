#include "lab/support/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <utility>
#include <vector>

#include "octet/error.h"

namespace octet::lab {
namespace fs = std::filesystem;
namespace {

[[noreturn]] void fail_file(const fs::path& file, const char* what, int error) {
  throw Error(ErrorCode::kIo, fmt::format("{}: {}: {}", file.string(), what, std::strerror(error)));
}

/// A file that was not there before, nor a link of that name to another, with the umask's permissions. Names
/// differ within the process, and skip what one of the same number has left.
int create_new(const std::string& beside, fs::path& path) {
  static std::atomic<unsigned> count{0};
  for (int attempt = 0; attempt < 1000; ++attempt) {
    path = fmt::format("{}.{}-{}.tmp", beside, ::getpid(), count++);
    const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor >= 0 || errno != EEXIST) return descriptor;
  }
  return -1;
}

}  // namespace

FileWriter::FileWriter(const fs::path& file, Durability durability) : file_(file), durability_(durability) {
  descriptor_ = create_new(file.string(), temporary_);
  if (descriptor_ < 0) fail_file(file_, "cannot be written", errno);
}

FileWriter::~FileWriter() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!renamed_) ::unlink(temporary_.c_str());
}

void FileWriter::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail_file(file_, "cannot be written", errno);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

void FileWriter::commit() {
  if (durability_ == Durability::kPowerCut && ::fsync(descriptor_) != 0)
    fail_file(file_, "cannot be written", errno);
  // Some file systems say only here that there was no room.
  if (::close(std::exchange(descriptor_, -1)) != 0) fail_file(file_, "cannot be written", errno);
  if (::rename(temporary_.c_str(), file_.c_str()) != 0) fail_file(file_, "cannot be written", errno);
  renamed_ = true;
  if (durability_ != Durability::kPowerCut) return;
  // The name too must outlive a power cut. Some file systems do not take the sync of a folder; then the
  // rename is as durable as they make it.
  const fs::path folder = file_.has_parent_path() ? file_.parent_path() : fs::path(".");
  if (const int directory = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); directory >= 0) {
    ::fsync(directory);
    ::close(directory);
  }
}

void write_file(const fs::path& file, std::string_view bytes, Durability durability) {
  FileWriter writer(file, durability);
  writer.write(bytes);
  writer.commit();
}

void remove_temporaries(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> left;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
    if (entry->path().extension() == ".tmp" && fs::is_regular_file(entry->symlink_status()))
      left.push_back(entry->path());
  for (const fs::path& file : left) fs::remove(file, error);
}

std::string read_file(const fs::path& file, std::uintmax_t max_bytes) {
  std::error_code error;
  const fs::file_status status = fs::status(file, error);
  if (!fs::exists(status)) throw Error(ErrorCode::kNotFound, fmt::format("{}: no such file", file.string()));
  if (!fs::is_regular_file(status))
    throw Error(ErrorCode::kIo, fmt::format("{}: expected a file, got a folder or a device", file.string()));
  const std::uintmax_t size = fs::file_size(file, error);
  if (error) fail_file(file, "cannot be read", error.value());
  if (size > max_bytes)
    throw Error(ErrorCode::kParse,
                fmt::format("{}: expected at most {} bytes, got {}", file.string(), max_bytes, size));
  std::ifstream in(file, std::ios::binary);
  if (!in) fail_file(file, "cannot be read", errno);
  std::string bytes(std::istreambuf_iterator<char>(in), {});
  if (in.bad()) fail_file(file, "cannot be read", errno);
  return bytes;
}

std::string read_file_inside(const fs::path& folder, const fs::path& path, std::uintmax_t max_bytes) {
  fs::path file = folder;
  for (const fs::path& name : path) {
    if (path.is_absolute() || name == "..")
      throw Error(ErrorCode::kParse,
                  fmt::format("'{}': expected the name of a file inside {}", path.string(), folder.string()));
    file /= name;
    if (fs::is_symlink(fs::symlink_status(file)))
      throw Error(ErrorCode::kParse,
                  fmt::format("{}: expected a file of the folder's own, got a symbolic link", file.string()));
  }
  return read_file(file, max_bytes);
}

void make_writable_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (fs::exists(folder) && !fs::is_directory(folder))
    throw Error(ErrorCode::kIo,
                fmt::format("{}: expected a folder, there is a file of that name", folder.string()));
  if (error) fail_file(folder, "cannot be made", error.value());
  if (::access(folder.c_str(), W_OK | X_OK) != 0) fail_file(folder, "cannot be written to", errno);
}

}  // namespace octet::lab
