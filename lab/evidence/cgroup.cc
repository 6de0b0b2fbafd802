#include "lab/evidence/cgroup.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>

#include "lab/evidence/kernel_file.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

namespace fs = std::filesystem;

struct Membership {
  bool version_2 = false;
  std::string path;  ///< "/user.slice/session-1.scope"
};

bool lists(std::string_view comma_list, std::string_view word) {
  const std::vector<std::string_view> words = split(comma_list, ',');
  return std::find(words.begin(), words.end(), word) != words.end();
}

/// Lines are "HIERARCHY:CONTROLLERS:PATH"; that of version 2 has no controllers. Where both versions are
/// mounted, the CPU controller belongs to version 1 if a line names it.
Membership membership(const fs::path& file) {
  const std::string text = read_kernel_file(file);
  std::optional<Membership> version_2;
  for (const std::string_view line : split(text, '\n')) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    const std::string path(line.substr(second + 1));
    if (lists(controllers, "cpu")) return {false, path};
    if (controllers.empty()) version_2 = Membership{true, path};
  }
  if (version_2) return *version_2;
  throw Error(ErrorCode::kParse, fmt::format("{}: no line of the CPU controller", file.string()));
}

struct Mount {
  std::string root;   ///< part of the hierarchy that is mounted
  std::string point;  ///< where
};

/// Lines are "ID PARENT DEVICE ROOT POINT OPTIONS [TAGS] - TYPE SOURCE SUPEROPTIONS".
Mount mount_of(const fs::path& file, bool version_2) {
  const std::string text = read_kernel_file(file);
  for (const std::string_view line : split(text, '\n')) {
    const std::vector<std::string_view> fields = fields_of(line);
    const auto dash = std::find(fields.begin(), fields.end(), "-");
    if (fields.size() < 6 || fields.end() - dash < 4) continue;
    const bool wanted = version_2 ? dash[1] == "cgroup2" : dash[1] == "cgroup" && lists(dash[3], "cpu");
    if (wanted) return {std::string(fields[3]), std::string(fields[4])};
  }
  throw Error(ErrorCode::kNotFound,
              fmt::format("{}: cgroups with the CPU controller are not mounted", file.string()));
}

}  // namespace

std::vector<fs::path> cgroup_cpu_folders(const fs::path& root) {
  const Membership member = membership(root / "proc/self/cgroup");
  const Mount mount = mount_of(root / "proc/self/mountinfo", member.version_2);
  // A container without a namespace of its own sees the host's path, and mounts only what lies below it.
  fs::path below = fs::path(member.path).relative_path();
  if (mount.root != "/") {
    const fs::path relative = fs::path(member.path).lexically_relative(mount.root);
    below = relative.empty() || *relative.begin() == ".." ? fs::path() : relative;
  }
  std::vector<fs::path> folders{root / fs::path(mount.point).relative_path()};
  for (const fs::path& part : below) {
    if (part == "..")
      throw Error(ErrorCode::kUnsupported,
                  fmt::format("cgroup {}: it lies outside of what is mounted", member.path));
    if (part != "." && !part.empty()) folders.push_back(folders.back() / part);
  }
  return folders;
}

Throttling read_throttling(const std::vector<fs::path>& folders) {
  Throttling sum;
  for (const fs::path& folder : folders) {
    const fs::path file = folder / "cpu.stat";
    const std::string text = read_kernel_file(file);
    const auto counter = [&](std::string_view key) -> std::int64_t {
      const std::optional<std::string_view> value = value_of(text, key);
      if (!value) return 0;
      if (const std::optional<std::int64_t> number = to_integer(*value)) return *number;
      throw Error(ErrorCode::kParse, fmt::format("{}: {}: expected a number, got '{}'", file.string(), key,
                                                 value->substr(0, 40)));
    };
    sum.periods += counter("nr_throttled");
    sum.seconds += 1e-6 * static_cast<double>(counter("throttled_usec")) +  // version 2
                   1e-9 * static_cast<double>(counter("throttled_time"));   // version 1
  }
  return sum;
}

}  // namespace octet::lab
