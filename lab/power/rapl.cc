// RAPL by /sys/class/powercap: counters of microjoules that wrap round.
//
// No double counting: only zones named package-N, and dram inside them, are meters. The zones core and uncore
// are parts of a package and psys contains packages, so none of the three is read. Where the same package is
// there twice (intel-rapl by machine registers, intel-rapl-mmio by memory), the first that can be read is
// taken.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "lab/power/kinds.h"
#include "octet/error.h"

namespace octet::lab {
namespace fs = std::filesystem;
namespace {

constexpr double kMicro = 1e-6;
constexpr double kLongestInterval = 0.1;
constexpr double kShortestInterval = 0.001;
constexpr double kRaplUpdate = 0.001;       // s; the hardware adds to the counter about every millisecond
constexpr double kEnergyUnit = 61e-6;       // J; 2^-14, the coarsest unit in use
constexpr double kUnknownPeakWatts = 1000;  // more than any package draws
constexpr double kPeakOverLimit = 2;        // power limits are of averages and can be exceeded for a while

std::string describe(int error) { return std::strerror(error); }

struct Text {
  std::string value;
  int error = 0;  ///< errno; 0: it was read
};

// Zone files hold one short line. (Not files.h: powercap tells a closed driver by the error of the read.)
Text read_line(const fs::path& file) {
  Text text;
  errno = 0;
  std::ifstream in(file);
  std::getline(in, text.value);
  if (!in) text.error = errno != 0 ? errno : EIO;
  return text;
}

std::optional<std::uint64_t> to_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::uint64_t read_number(const fs::path& file) {
  const Text text = read_line(file);
  if (text.error != 0)
    throw Error(ErrorCode::kIo, fmt::format("{}: {}", file.string(), describe(text.error)));
  const auto value = to_number(text.value);
  if (!value)
    throw Error(ErrorCode::kParse,
                fmt::format("{}:1: expected a number, got '{}'", file.string(), text.value));
  return *value;
}

/// One zone's counter with its wraps undone. A wrap cannot be told from a counter that was reset, except by
/// the power that it would mean: what is more than the package can draw is no wrap.
class RaplMeter final : public Meter {
 public:
  RaplMeter(MeterInfo info, fs::path file, std::uint64_t range_uj, double peak_watts, Clock& clock)
      : info_(std::move(info)),
        file_(std::move(file)),
        range_uj_(range_uj),
        peak_watts_(peak_watts),
        clock_(clock) {
    read_number(file_);
  }

  const MeterInfo& info() const override { return info_; }
  void start() override { last_.reset(); }

  double read() override {
    const Reading now{read_number(file_), clock_.now()};
    const std::optional<Reading> before = std::exchange(last_, now);
    if (before) total_uj_ += step_uj(*before, now);
    return total_uj_ * kMicro;
  }

 private:
  struct Reading {
    std::uint64_t uj = 0;
    Nanoseconds time = 0;
  };

  double step_uj(const Reading& before, const Reading& now) const {
    const double elapsed = seconds(now.time - before.time);
    if (peak_watts_ * elapsed > static_cast<double>(range_uj_) * kMicro)
      throw Error(ErrorCode::kIo,
                  fmt::format("{}: not read for {:.1f} s, in which it may have wrapped round more than once",
                              file_.string(), elapsed));
    if (now.uj >= before.uj) return static_cast<double>(now.uj - before.uj);
    const auto step = static_cast<double>(now.uj + (range_uj_ - std::min(before.uj, range_uj_)));
    if (step * kMicro > peak_watts_ * (elapsed + kRaplUpdate))
      throw Error(ErrorCode::kIo, fmt::format("{}: went back from {} to {} uJ in {:.3f} s, which is no wrap: "
                                              "the counter was reset",
                                              file_.string(), before.uj, now.uj, elapsed));
    return step;
  }

  MeterInfo info_;
  fs::path file_;
  std::uint64_t range_uj_;
  double peak_watts_;
  Clock& clock_;
  std::optional<Reading> last_;
  double total_uj_ = 0;
};

/// The most that the zone's constraints allow, with room for short excesses.
double peak_watts(const fs::path& zone) {
  double limit_uw = 0;
  for (int i = 0; i < 8; ++i) {
    for (const char* what : {"max_power_uw", "power_limit_uw"}) {
      const Text text = read_line(zone / fmt::format("constraint_{}_{}", i, what));
      if (const auto value = to_number(text.value))
        limit_uw = std::max(limit_uw, static_cast<double>(*value));
    }
  }
  const double watts = kPeakOverLimit * limit_uw * kMicro;
  // Firmware that sets no limit writes 0, or thousands of watts.
  return watts > 0 && watts < kUnknownPeakWatts ? watts : kUnknownPeakWatts;
}

struct Zone {
  fs::path folder;
  std::string name;    ///< "package-0"
  std::string parent;  ///< of a subzone: its package's name
};

bool is_package(std::string_view name) { return name.starts_with("package-"); }

std::vector<Zone> subzones(const Zone& package) {
  std::vector<Zone> found;
  std::error_code error;
  const std::string prefix = package.folder.filename().string() + ":";
  for (const fs::directory_entry& entry : fs::directory_iterator(package.folder, error)) {
    if (!entry.path().filename().string().starts_with(prefix)) continue;
    const std::string name = read_line(entry.path() / "name").value;
    if (name == "dram") found.push_back({entry.path(), name, package.name});
  }
  return found;
}

/// Packages and their DRAM. /sys/class/powercap lists subzones beside packages too ("intel-rapl:0:1"); they
/// are taken below their package only.
std::vector<Zone> find_zones(const fs::path& root, std::error_code& error) {
  std::vector<fs::path> folders;
  for (fs::directory_iterator entries(root, error), end; !error && entries != end; entries.increment(error)) {
    const std::string name = entries->path().filename().string();
    if (name.find("rapl") != std::string::npos && std::count(name.begin(), name.end(), ':') == 1)
      folders.push_back(entries->path());
  }
  // "intel-rapl:0" comes before "intel-rapl-mmio:0": the registers first.
  std::sort(folders.begin(), folders.end(), [](const fs::path& a, const fs::path& b) {
    const bool a_mmio = a.filename().string().find("mmio") != std::string::npos;
    const bool b_mmio = b.filename().string().find("mmio") != std::string::npos;
    return a_mmio != b_mmio ? b_mmio : a < b;
  });
  std::vector<Zone> zones;
  for (const fs::path& folder : folders) {
    const Zone zone{folder, read_line(folder / "name").value, ""};
    if (!is_package(zone.name)) continue;
    zones.push_back(zone);
    for (Zone& inside : subzones(zone)) zones.push_back(std::move(inside));
  }
  return zones;
}

MeterInfo describe(const Zone& zone, double range_joules, double peak) {
  const std::string& package = zone.parent.empty() ? zone.name : zone.parent;
  const std::string number = package.substr(std::strlen("package-"));
  MeterInfo info;
  info.kind = "rapl";
  info.id = zone.parent.empty() ? "rapl:" + zone.name : fmt::format("rapl:{}:{}", zone.parent, zone.name);
  info.scope = zone.parent.empty() ? fmt::format("CPU package {} with its cores", number)
                                   : fmt::format("DRAM of package {}", number);
  info.reads = Reads::kEnergy;
  info.resolution = kEnergyUnit;
  info.averaging_s = kRaplUpdate;
  // At least twice in the time in which the counter can wrap.
  info.interval_s = std::clamp(range_joules / peak / 2, kShortestInterval, kLongestInterval);
  return info;
}

std::unique_ptr<Meter> open_zone(const Zone& zone, Clock& clock) {
  const std::uint64_t range_uj = read_number(zone.folder / "max_energy_range_uj");
  if (range_uj == 0)
    throw Error(ErrorCode::kParse, fmt::format("{}:1: expected a range above 0, got 0",
                                               (zone.folder / "max_energy_range_uj").string()));
  const double peak = peak_watts(zone.folder);
  return std::make_unique<RaplMeter>(describe(zone, static_cast<double>(range_uj) * kMicro, peak),
                                     zone.folder / "energy_uj", range_uj, peak, clock);
}

/// "0400" and whether that is why it cannot be read.
void explain_unreadable(const Zone& zone, const Error& error, MeterStatus& status) {
  const fs::path file = zone.folder / "energy_uj";
  const int reason = read_line(file).error;
  if (reason != EACCES && reason != EPERM) {
    status.why_not = error.what();
    status.remedy = "see the kernel's log (dmesg) about intel_rapl";
    return;
  }
  std::error_code ignored;
  const auto mode = static_cast<unsigned>(fs::status(file, ignored).permissions()) & 0777u;
  status.why_not =
      fmt::format("{}: permission denied (mode {:04o}): kernels from 5.10 on let only root read the counters",
                  file.string(), mode);
  status.remedy = fmt::format(
      "as root: chmod a+r {}/*/energy_uj (until the next boot); a udev rule for the subsystem powercap that "
      "does so at every boot; or run as root or with CAP_DAC_READ_SEARCH",
      zone.folder.parent_path().string());
}

}  // namespace

FoundKind find_rapl(const MeterOptions& options, Clock& clock) {
  FoundKind found;
  found.status.kind = "rapl";
  const fs::path root = options.rapl_root;
  std::error_code error;
  if (!fs::is_directory(root, error)) {
    found.status.why_not =
        fmt::format("no {}: this machine has no RAPL, or its hypervisor hides it", root.string());
    found.status.remedy = "run on the machine itself instead of a virtual one; modprobe intel_rapl_msr";
    return found;
  }
  const std::vector<Zone> zones = find_zones(root, error);
  if (error) {
    found.status.why_not = fmt::format("{}: {}", root.string(), error.message());
    found.status.remedy = fmt::format("let this user list {}", root.string());
    return found;
  }
  if (zones.empty()) {
    found.status.why_not = fmt::format("{} holds no RAPL package", root.string());
    found.status.remedy = "modprobe intel_rapl_msr (Intel, and AMD from Zen on); not in a virtual machine";
    return found;
  }
  std::set<std::string> packages, opened, all;
  for (const Zone& zone : zones) {
    const std::string name = zone.parent + "/" + zone.name;
    all.insert(name);
    if (zone.parent.empty()) packages.insert(name);
    if (opened.contains(name)) continue;
    try {
      found.meters.push_back(open_zone(zone, clock));
      opened.insert(name);
    } catch (const Error& failure) {
      if (found.status.why_not.empty()) explain_unreadable(zone, failure, found.status);
    }
  }
  // Some of the packages would pass for all of them; DRAM is seen to be missing.
  if (!std::includes(opened.begin(), opened.end(), packages.begin(), packages.end())) {
    found.meters.clear();
    return found;
  }
  found.status.works = true;
  for (const auto& meter : found.meters) found.status.meters.push_back(meter->info());
  if (opened == all)
    found.status.why_not = found.status.remedy = "";
  else
    found.status.why_not = "without DRAM: " + found.status.why_not;
  return found;
}

}  // namespace octet::lab
