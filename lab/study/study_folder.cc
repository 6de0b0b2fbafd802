#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "lab/study/runner.h"
#include "lab/support/files.h"
#include "octet/error.h"

namespace octet::lab {
namespace fs = std::filesystem;
namespace {

// Less than this and a study would end in the middle.
constexpr std::uintmax_t kLeastFree = 16 << 20;

/// A folder that has files, but none of a study, was meant for something else.
void refuse_foreign(const fs::path& folder) {
  if (fs::is_empty(folder) || fs::exists(folder / "study.toml")) return;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder))
    if (entry.path().filename() != "records")
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{}: expected a new folder or one of a study, there is {} in it",
                              folder.string(), entry.path().filename().string()));
}

void require_space(const fs::path& folder) {
  std::error_code error;
  const fs::space_info space = fs::space(folder, error);
  if (!error && space.available < kLeastFree)
    throw Error(ErrorCode::kIo, fmt::format("{}: a study needs {} MiB of disk at least, {} MiB are free",
                                            folder.string(), kLeastFree >> 20, space.available >> 20));
}

}  // namespace

StudyFolder::StudyFolder(const fs::path& folder) : folder_(folder) {
  make_writable_folder(folder_);
  refuse_foreign(folder_);
  require_space(folder_);
  // The kernel lets go of it when the process ends, however it ends.
  lock_ = ::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (lock_ >= 0 && ::flock(lock_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    ::close(lock_);
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: another study is writing here at this moment", folder_.string()));
  }
  for (const char* part : {"", "records", "csv"}) remove_temporaries(folder_ / part);
}

StudyFolder::~StudyFolder() {
  if (lock_ >= 0) ::close(lock_);
}

}  // namespace octet::lab
