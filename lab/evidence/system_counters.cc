#include "lab/evidence/system_counters.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "lab/evidence/kernel_file.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kCpusAskedForClock = 4;

double ticks_per_second() {
  static const double ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  return ticks;
}

/// /proc/PID/stat, as far as it is needed. Times in ticks.
struct ProcessStat {
  pid_t pid = 0;
  pid_t parent = 0;
  std::int64_t major_faults = 0;
  std::int64_t cpu_ticks = 0;  ///< own, and of children that it has waited for
};

/// "PID (NAME) STATE PARENT ..."; the name may hold anything. Field numbers are those of proc(5).
std::optional<ProcessStat> parse_process_stat(std::string_view text) {
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string_view::npos) return std::nullopt;
  const std::vector<std::string_view> fields = fields_of(text.substr(name_end + 1));
  const auto field = [&](std::size_t number) -> std::optional<std::int64_t> {
    return number - 3 < fields.size() ? to_integer(fields[number - 3]) : std::nullopt;
  };
  const std::optional<std::int64_t> pid = to_integer(text.substr(0, text.find(' ')));
  const std::optional<std::int64_t> parent = field(4);
  const std::optional<std::int64_t> major_faults = field(12);
  if (!pid || !parent || !major_faults) return std::nullopt;
  ProcessStat stat{static_cast<pid_t>(*pid), static_cast<pid_t>(*parent), *major_faults, 0};
  for (const std::size_t time : {14, 15, 16, 17}) {
    const std::optional<std::int64_t> ticks = field(time);
    if (!ticks) return std::nullopt;
    stat.cpu_ticks += *ticks;
  }
  return stat;
}

ProcessStat read_process_stat(const fs::path& file) {
  if (const std::optional<ProcessStat> stat = parse_process_stat(read_kernel_file(file))) return *stat;
  throw Error(ErrorCode::kParse, fmt::format("{}: not in the form of proc(5)", file.string()));
}

/// All processes. One that ends meanwhile is left out.
std::map<pid_t, ProcessStat> list_processes(const fs::path& proc) {
  std::map<pid_t, ProcessStat> processes;
  std::error_code error;
  for (fs::directory_iterator entry(proc, error), end; !error && entry != end; entry.increment(error)) {
    if (!to_integer(entry->path().filename().string())) continue;
    try {
      const ProcessStat stat = read_process_stat(entry->path() / "stat");
      processes.emplace(stat.pid, stat);
    } catch (const Error&) {
    }
  }
  return processes;
}

}  // namespace

template <typename Read>
auto SystemCounters::attempt(const Read& read) -> std::optional<decltype(read())> {
  try {
    return read();
  } catch (const std::exception& error) {
    note_missing(error.what());
    return std::nullopt;
  }
}

SystemCounters::SystemCounters(fs::path root, std::vector<pid_t> own_processes)
    : root_(std::move(root)), own_processes_(std::move(own_processes)) {
  cpus_ = attempt([&] {
            const fs::path file = root_ / "proc/self/status";
            const std::string text = read_kernel_file(file);
            const std::optional<std::string_view> list = value_of(text, "Cpus_allowed_list");
            if (!list) throw Error(ErrorCode::kParse, fmt::format("{}: no Cpus_allowed_list", file.string()));
            return parse_cpu_list(*list, file.string());
          }).value_or(std::vector<int>{});
  cgroups_ = attempt([&] { return cgroup_cpu_folders(root_); }).value_or(std::vector<fs::path>{});
}

void SystemCounters::note_missing(const std::string& what) {
  if (std::find(missing_.begin(), missing_.end(), what) == missing_.end()) missing_.push_back(what);
}

CounterSnapshot SystemCounters::read() {
  CounterSnapshot snapshot;
  if (!cgroups_.empty()) snapshot.throttling = attempt([&] { return read_throttling(cgroups_); });
  snapshot.thermal_throttles = attempt([&] { return read_thermal_throttles(); });
  snapshot.major_faults = attempt([&] { return read_major_faults(); });
  snapshot.involuntary_switches = attempt([&] { return read_involuntary_switches(); });
  snapshot.pressure_s = attempt([&] { return read_pressure(); });
  // Last and close together, because one is taken from the other.
  snapshot.own_s = attempt([&] { return read_own_seconds(); });
  if (!cpus_.empty()) snapshot.cpus = attempt([&] { return read_cpus(); });
  return snapshot;
}

/// Lines "cpuN user nice system idle iowait irq softirq steal guest guest_nice"; guests are in user and nice.
CpuSeconds SystemCounters::read_cpus() const {
  const fs::path file = root_ / "proc/stat";
  const std::string text = read_kernel_file(file);
  std::int64_t busy = 0;
  std::int64_t steal = 0;
  std::size_t found = 0;
  for (const std::string_view line : split(text, '\n')) {
    if (!line.starts_with("cpu") || line.starts_with("cpu ")) continue;
    const std::vector<std::string_view> fields = fields_of(line);
    const std::optional<std::int64_t> cpu = to_integer(fields[0].substr(3));
    if (!cpu || !std::binary_search(cpus_.begin(), cpus_.end(), *cpu)) continue;
    for (const std::size_t field : {1, 2, 3, 6, 7, 8}) {
      const std::optional<std::int64_t> ticks =
          field < fields.size() ? to_integer(fields[field]) : std::nullopt;
      if (!ticks)
        throw Error(ErrorCode::kParse,
                    fmt::format("{}: {}: not in the form of proc(5)", file.string(), fields[0]));
      (field == 8 ? steal : busy) += *ticks;
    }
    ++found;
  }
  if (found != cpus_.size())
    throw Error(ErrorCode::kNotFound,
                fmt::format("{}: expected lines of {} CPUs of the affinity mask, found {}", file.string(),
                            cpus_.size(), found));
  return {static_cast<double>(busy) / ticks_per_second(), static_cast<double>(steal) / ticks_per_second()};
}

double SystemCounters::read_own_seconds() const {
  const ProcessStat self = read_process_stat(root_ / "proc/self/stat");
  std::map<pid_t, ProcessStat> processes = list_processes(root_ / "proc");
  processes.insert_or_assign(self.pid, self);
  std::multimap<pid_t, pid_t> children;
  for (const auto& [pid, stat] : processes) children.emplace(stat.parent, pid);

  std::int64_t ticks = 0;
  std::set<pid_t> counted;
  std::vector<pid_t> next = own_processes_;
  next.push_back(self.pid);
  while (!next.empty()) {
    const pid_t pid = next.back();
    next.pop_back();
    const auto process = processes.find(pid);
    if (process == processes.end() || !counted.insert(pid).second) continue;
    ticks += process->second.cpu_ticks;
    for (auto [child, end] = children.equal_range(pid); child != end; ++child) next.push_back(child->second);
  }
  return static_cast<double>(ticks) / ticks_per_second();
}

std::int64_t SystemCounters::read_major_faults() const {
  return read_process_stat(root_ / "proc/self/stat").major_faults;
}

/// Summed over the threads that live; those that have ended took theirs along.
std::int64_t SystemCounters::read_involuntary_switches() const {
  const fs::path tasks = root_ / "proc/self/task";
  std::int64_t sum = 0;
  std::size_t found = 0;
  std::error_code error;
  for (fs::directory_iterator entry(tasks, error), end; !error && entry != end; entry.increment(error)) {
    try {
      const std::string text = read_kernel_file(entry->path() / "status");
      const std::optional<std::string_view> value = value_of(text, "nonvoluntary_ctxt_switches");
      const std::optional<std::int64_t> switches = value ? to_integer(*value) : std::nullopt;
      if (!switches) continue;
      sum += *switches;
      ++found;
    } catch (const Error&) {  // the thread has ended
    }
  }
  if (found == 0)
    throw Error(ErrorCode::kNotFound,
                fmt::format("{}: no status with nonvoluntary_ctxt_switches", tasks.string()));
  return sum;
}

std::int64_t SystemCounters::read_thermal_throttles() const {
  std::int64_t core_sum = 0;
  std::int64_t package_most = 0;  // every CPU of a package shows the package's
  bool found = false;
  for (const int cpu : cpus_) {
    const fs::path folder = root_ / fmt::format("sys/devices/system/cpu/cpu{}/thermal_throttle", cpu);
    std::error_code ignored;
    if (!fs::exists(folder, ignored)) continue;
    core_sum += integer_in(folder / "core_throttle_count");
    if (fs::exists(folder / "package_throttle_count", ignored))
      package_most = std::max(package_most, integer_in(folder / "package_throttle_count"));
    found = true;
  }
  if (!found)
    throw Error(ErrorCode::kNotFound,
                fmt::format("{}: no thermal_throttle", (root_ / "sys/devices/system/cpu").string()));
  return core_sum + package_most;
}

/// "some avg10=0.00 avg60=0.00 avg300=0.00 total=MICROSECONDS".
double SystemCounters::read_pressure() const {
  const fs::path file = root_ / "proc/pressure/cpu";
  const std::string text = read_kernel_file(file);
  const std::string_view some = value_of(text, "some").value_or("");
  const std::size_t total = some.find("total=");
  const std::optional<std::int64_t> microseconds =
      total == std::string_view::npos ? std::nullopt : to_integer(some.substr(total + 6));
  if (!microseconds) throw Error(ErrorCode::kParse, fmt::format("{}: no 'some ... total='", file.string()));
  return 1e-6 * static_cast<double>(*microseconds);
}

std::optional<double> SystemCounters::clock_ghz() {
  std::int64_t highest = 0;
  for (std::size_t i = 0; i < std::min(cpus_.size(), kCpusAskedForClock); ++i) {
    const fs::path file =
        root_ / fmt::format("sys/devices/system/cpu/cpu{}/cpufreq/scaling_cur_freq", cpus_[i]);
    if (const std::optional<std::int64_t> khz = attempt([&] { return integer_in(file); }))
      highest = std::max(highest, *khz);
    else
      return std::nullopt;
  }
  return highest > 0 ? std::optional<double>(1e-6 * static_cast<double>(highest)) : std::nullopt;
}

}  // namespace octet::lab
