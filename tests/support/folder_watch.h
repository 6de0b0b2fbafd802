// What happens to the names in a folder, as the kernel tells it (inotify): files that are written in place,
// and files that get their name when they are whole.
#pragma once

#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

namespace octet::test {

class FolderWatch {
 public:
  struct Event {
    std::string name;
    bool created = false;   ///< under this name; what is in it comes later
    bool modified = false;  ///< written to
    bool renamed = false;   ///< got this name
  };

  explicit FolderWatch(const std::filesystem::path& folder) : descriptor_(inotify_init1(IN_CLOEXEC)) {
    if (descriptor_ < 0 ||
        inotify_add_watch(descriptor_, folder.c_str(), IN_CREATE | IN_MODIFY | IN_MOVED_TO) < 0)
      throw std::runtime_error("cannot watch " + folder.string() + ": " + std::strerror(errno));
  }
  ~FolderWatch() { close(descriptor_); }
  FolderWatch(const FolderWatch&) = delete;
  FolderWatch& operator=(const FolderWatch&) = delete;

  /// What has happened since the last call; waits up to `most` for the first event.
  std::vector<Event> next(std::chrono::milliseconds most) {
    std::vector<Event> events;
    pollfd waiting{descriptor_, POLLIN, 0};
    if (poll(&waiting, 1, static_cast<int>(most.count())) <= 0) return events;
    alignas(inotify_event) char bytes[16384];
    const ssize_t got = read(descriptor_, bytes, sizeof bytes);
    for (ssize_t at = 0; at < got;) {
      const auto* event = reinterpret_cast<const inotify_event*>(bytes + at);
      if ((event->mask & IN_Q_OVERFLOW) != 0) throw std::runtime_error("more events than could be kept");
      events.push_back({event->len > 0 ? std::string(event->name) : std::string(),
                        (event->mask & IN_CREATE) != 0, (event->mask & IN_MODIFY) != 0,
                        (event->mask & IN_MOVED_TO) != 0});
      at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
    }
    return events;
  }

 private:
  int descriptor_;
};

}  // namespace octet::test
