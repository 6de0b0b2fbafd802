#include "lab/evidence/machine.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "lab/evidence/kernel_file.h"
#include "lab/support/json.h"
#include "lab/support/text.h"
#include "octet/build_info.h"
#include "octet/error.h"
#include "octet/hash.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace octet::lab {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxFlags = 4096;

/// Empty where the file cannot be read.
std::string text_of(const fs::path& file) {
  try {
    return std::string(trimmed(read_kernel_file(file)));
  } catch (const Error&) {
    return {};
  }
}

std::vector<int> cpu_list_of(const fs::path& file) {
  try {
    return parse_cpu_list(read_kernel_file(file), file.string());
  } catch (const Error&) {
    return {};
  }
}

std::vector<fs::path> entries_of(const fs::path& folder) {
  std::vector<fs::path> entries;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
    entries.push_back(entry->path());
  std::sort(entries.begin(), entries.end());
  return entries;
}

void add_text(Json& json, const char* key, const std::string& text) {
  if (!text.empty()) json[key] = text;
}

void add_count(Json& json, const char* key, std::uint64_t count) {
  if (count > 0) json[key] = count;
}

/// Distinct sockets, and cores of all sockets, of the CPUs that are online.
std::pair<std::size_t, std::size_t> sockets_and_cores(const fs::path& cpu_folder) {
  std::set<std::string> sockets;
  std::set<std::pair<std::string, std::string>> cores;
  for (const int cpu : cpu_list_of(cpu_folder / "online")) {
    const fs::path topology = cpu_folder / fmt::format("cpu{}", cpu) / "topology";
    const std::string socket = text_of(topology / "physical_package_id");
    const std::string core = text_of(topology / "core_id");
    if (socket.empty() || core.empty()) continue;
    sockets.insert(socket);
    cores.emplace(socket, core);
  }
  return {sockets.size(), cores.size()};
}

/// Of the first CPU; all of a machine have the same. "flags" on x86, "Features" on ARM.
std::vector<std::string> cpu_flags(const fs::path& root) {
  const std::string text = text_of(root / "proc/cpuinfo");
  std::vector<std::string> flags;
  for (const char* key : {"flags", "Features"}) {
    const std::optional<std::string_view> line = value_of(text, key);
    if (!line) continue;
    for (const std::string_view flag : fields_of(*line))
      if (flags.size() < kMaxFlags) flags.emplace_back(flag);
    break;
  }
  return flags;
}

std::string governor(const fs::path& cpu_folder, std::span<const int> cpus) {
  std::set<std::string> governors;
  for (const int cpu : cpus)
    governors.insert(text_of(cpu_folder / fmt::format("cpu{}", cpu) / "cpufreq/scaling_governor"));
  governors.erase("");
  return fmt::format("{}", fmt::join(governors, ", "));
}

std::optional<bool> boost(const fs::path& cpu_folder) {
  if (const std::string on = text_of(cpu_folder / "cpufreq/boost"); !on.empty()) return on == "1";
  if (const std::string off = text_of(cpu_folder / "intel_pstate/no_turbo"); !off.empty()) return off == "0";
  return std::nullopt;
}

/// "spectre_v2: Mitigation: Retpolines; ...", of those that concern this CPU.
std::vector<std::string> mitigations(const fs::path& cpu_folder) {
  std::vector<std::string> lines;
  for (const fs::path& file : entries_of(cpu_folder / "vulnerabilities"))
    if (const std::string state = text_of(file); !state.empty() && state != "Not affected")
      lines.push_back(fmt::format("{}: {}", file.filename().string(), state));
  return lines;
}

std::string operating_system(const fs::path& root) {
  for (const char* file : {"etc/os-release", "usr/lib/os-release"}) {
    const std::string text = text_of(root / file);
    for (const std::string_view line : split(text, '\n')) {
      constexpr std::string_view kKey = "PRETTY_NAME=";
      if (!line.starts_with(kKey)) continue;
      std::string_view name = trimmed(line.substr(kKey.size()));
      if (name.size() >= 2 && (name.front() == '"' || name.front() == '\'') && name.back() == name.front())
        name = name.substr(1, name.size() - 2);
      return std::string(name);
    }
  }
  return {};
}

/// As NVIDIA's kernel driver lists them.
Json gpus(const fs::path& root) {
  Json list = Json::array();
  for (const fs::path& gpu : entries_of(root / "proc/driver/nvidia/gpus")) {
    const std::string text = text_of(gpu / "information");
    if (const std::optional<std::string_view> model = value_of(text, "Model"))
      list.push_back({{"name", std::string(*model)}});
  }
  return list;
}

Json isas(const MachineInfo& machine) {
  Json list = Json::array();
  for (const IsaStatus& status : machine.isas) {
    Json entry = {{"isa", to_string(status.isa)}, {"usable", status.usable}};
    if (!status.usable) entry["reason"] = status.reason;
    list.push_back(std::move(entry));
  }
  return list;
}

}  // namespace

std::string hypervisor_of_cpu() {
#if defined(__x86_64__)
  constexpr unsigned kHypervisorBit = 1u << 31;
  constexpr unsigned kHypervisorLeaf = 0x40000000;
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & kHypervisorBit) == 0) return {};
  __cpuid(kHypervisorLeaf, a, b, c, d);
  std::array<char, 12> name{};
  std::memcpy(name.data(), &b, 4);
  std::memcpy(name.data() + 4, &c, 4);
  std::memcpy(name.data() + 8, &d, 4);
  const std::string_view vendor(name.data(), name.size());
  constexpr std::pair<std::string_view, const char*> kNames[] = {
      {"KVMKVMKVM", "KVM"},    {"Microsoft Hv", "Hyper-V"}, {"VMwareVMware", "VMware"},
      {"XenVMMXenVMM", "Xen"}, {"TCGTCGTCGTCG", "QEMU"},    {"bhyve bhyve", "bhyve"}};
  for (const auto& [prefix, word] : kNames)
    if (vendor.starts_with(prefix)) return word;
  return "unknown hypervisor";
#else
  return {};
#endif
}

Json machine_description(const MachineInfo& machine, const fs::path& root, const std::string& hypervisor) {
  const fs::path cpu_folder = root / "sys/devices/system/cpu";
  Json json = Json::object();
  if (const std::string host = text_of(root / "proc/sys/kernel/hostname"); !host.empty())
    json["hostname_hash"] = hash_bytes(std::as_bytes(std::span(host)));
  add_text(json, "cpu_model", machine.cpu_model);
  json["cpus"] = machine.cpus.size();
  json["affinity"] = machine.cpus;
  const auto [sockets, cores] = sockets_and_cores(cpu_folder);
  add_count(json, "cores", cores);
  add_count(json, "sockets", sockets);
  add_count(json, "numa_nodes", cpu_list_of(root / "sys/devices/system/node/online").size());
  json["cpu_flags"] = cpu_flags(root);
  json["isas"] = isas(machine);
  json["best_isa"] = to_string(machine.best_isa);
  add_count(json, "l1d_bytes", machine.l1d_bytes);
  add_count(json, "l2_bytes", machine.l2_bytes);
  add_count(json, "l3_bytes", machine.l3_bytes);
  add_count(json, "memory_bytes", machine.memory_bytes);
  if (machine.cgroup_cpu_quota > 0) json["cgroup_cpu_quota"] = machine.cgroup_cpu_quota;
  add_text(json, "kernel", machine.kernel_release);
  add_text(json, "os", operating_system(root));
  const std::string type = text_of(root / "sys/hypervisor/type");
  add_text(json, "hypervisor", type.empty() ? hypervisor : type);
  add_text(json, "compiler", build_info().compiler);
  add_text(json, "frequency_governor", governor(cpu_folder, machine.cpus));
  if (const std::optional<bool> on = boost(cpu_folder)) json["boost"] = *on;
  if (const std::string active = text_of(cpu_folder / "smt/active"); !active.empty())
    json["smt"] = active == "1";
  json["mitigations"] = mitigations(cpu_folder);
  json["gpus"] = gpus(root);
  return json;
}

}  // namespace octet::lab
