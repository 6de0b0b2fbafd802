// octet devices: what this machine offers.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <set>
#include <vector>

#include "lab/profile/layer_record.h"
#include "octet/devices.h"
#include "octet/machine.h"
#include "tools/octet/command.h"
#include "tools/octet/common_options.h"
#include "tools/support/json_output.h"

namespace octet::tools {
namespace {

struct DevicesArguments {
  EngineOptions engine;
  OutputOptions output;
  bool no_peaks = false;
};

/// 12040 -> "12.4"; null without driver.
Json version(int number) {
  if (number == 0) return nullptr;
  return fmt::format("{}.{}", number / 1000, number % 1000 / 10);
}
std::string capability(const CudaDevice& gpu) {
  return fmt::format("{}.{}", gpu.compute_capability / 10, gpu.compute_capability % 10);
}

Json to_json(const CudaDevice& gpu) {
  Json entry = {{"index", gpu.index},
                {"name", gpu.name},
                {"uuid", gpu.uuid},
                {"pci_address", gpu.pci_address},
                {"compute_capability", capability(gpu)},
                {"multiprocessors", gpu.multiprocessors},
                {"clock_mhz", gpu.clock_mhz},
                {"memory_clock_mhz", gpu.memory_clock_mhz},
                {"memory_bus_bits", gpu.memory_bus_bits},
                {"memory_bytes", gpu.memory_bytes},
                {"free_memory_bytes", gpu.free_memory_bytes},
                {"l2_bytes", gpu.l2_bytes},
                {"peaks",
                 {{"dp4a_int8_tops", gpu.dp4a_int8_tops},
                  {"tensor_int8_tops", gpu.tensor_int8_tops},
                  {"memory_gbps", gpu.memory_gbps}}},
                {"usable", gpu.usable()}};
  if (!gpu.usable()) entry["reason"] = gpu.reason;
  return entry;
}

Json to_json(const CudaDevices& gpus) {
  Json list = Json::array();
  for (const CudaDevice& gpu : gpus.devices) list.push_back(to_json(gpu));
  return list;
}

Json to_json(const MachineInfo& machine, const CudaDevices& gpus, const MachinePeaks* peaks, int threads) {
  Json sets = Json::array();
  for (const IsaStatus& status : machine.isas) {
    Json entry = {{"isa", to_string(status.isa)}, {"usable", status.usable}};
    if (!status.usable) entry["reason"] = status.reason;
    sets.push_back(std::move(entry));
  }
  Json placement = Json::array();
  for (const CpuPlace& place : machine.placement)
    placement.push_back({{"cpu", place.cpu},
                         {"core", place.core},
                         {"l3", place.l3},
                         {"numa_node", place.numa_node},
                         {"package", place.package}});
  Json document = {{"cpu", machine.cpu_model},
                   {"kernel", machine.kernel_release},
                   {"instruction_sets", std::move(sets)},
                   {"best_isa", to_string(machine.best_isa)},
                   {"avx512_bf16", machine.avx512_bf16},
                   {"cpus", machine.cpus},
                   {"placement", std::move(placement)},
                   {"cores", machine.cores},
                   {"cgroup_cpu_quota", machine.cgroup_cpu_quota},
                   {"default_threads", machine.default_threads},
                   {"l1d_bytes", machine.l1d_bytes},
                   {"l2_bytes", machine.l2_bytes},
                   {"l3_bytes", machine.l3_bytes},
                   {"memory_bytes", machine.memory_bytes},
                   {"gpus", to_json(gpus)},
                   {"cuda",
                    {{"driver_version", version(gpus.driver_version)},
                     {"least_driver_version", version(gpus.least_driver_version)},
                     {"usable", gpus.reason.empty()}}}};
  if (!gpus.reason.empty()) document["cuda"]["reason"] = gpus.reason;
  if (peaks != nullptr) {
    document["peaks"] = {{"threads", threads}};
    document["peaks"].update(lab::to_json(*peaks));
  }
  return document;
}

std::string cache(std::uint64_t bytes) { return bytes == 0 ? "unknown" : format_bytes(bytes); }

std::string tops(double value) { return value > 0 ? fmt::format("{:.0f} TOPS", value) : "none known"; }

void print_text(const CudaDevices& gpus) {
  for (const CudaDevice& gpu : gpus.devices) {
    fmt::print("gpu {}    {}, {}, compute capability {}, {} SMs at {:.0f} MHz\n", gpu.index, gpu.name,
               gpu.pci_address, capability(gpu), gpu.multiprocessors, gpu.clock_mhz);
    fmt::print("         {}, {} free; {} bits at {:.0f} MHz; L2 {}; {}\n", format_bytes(gpu.memory_bytes),
               format_bytes(gpu.free_memory_bytes), gpu.memory_bus_bits, gpu.memory_clock_mhz,
               format_bytes(gpu.l2_bytes), gpu.uuid);
    fmt::print("         peaks INT8 {} by DP4A, {} by tensor cores; memory {:.0f} GB/s\n",
               tops(gpu.dp4a_int8_tops), tops(gpu.tensor_int8_tops), gpu.memory_gbps);
    if (!gpu.usable()) fmt::print("         cannot be used: {}\n", gpu.reason);
  }
  if (gpus.driver_version != 0)
    fmt::print("driver   CUDA {}; {} or later is needed\n", version(gpus.driver_version).get<std::string>(),
               version(gpus.least_driver_version).get<std::string>());
  if (!gpus.reason.empty()) fmt::print("gpus     none: {}\n", gpus.reason);
}

void print_text(const MachineInfo& machine, const MachinePeaks* peaks, int threads) {
  fmt::print("cpu      {}, Linux {}\n", machine.cpu_model, machine.kernel_release);
  fmt::print("cpus     {} for this process ({}) on {} {}; {}; {} threads by default\n", machine.cpus.size(),
             fmt::join(machine.cpus, ","), machine.cores, machine.cores == 1 ? "core" : "cores",
             machine.cgroup_cpu_quota > 0 ? fmt::format("cgroup quota {:.1f}", machine.cgroup_cpu_quota)
                                          : "no cgroup quota",
             machine.default_threads);
  std::vector<int> order;
  std::set<int> caches, nodes, packages;
  for (const CpuPlace& place : machine.placement) {
    order.push_back(place.cpu);
    caches.insert(place.l3), nodes.insert(place.numa_node), packages.insert(place.package);
  }
  fmt::print("threads  are bound to CPUs {}, in this order; packages {}, NUMA nodes {}, L3 caches {}\n",
             fmt::join(order, ","), packages.size(), nodes.size(), caches.size());
  fmt::print("caches   L1d {}, L2 {} a core; L3 {} shared\n", cache(machine.l1d_bytes),
             cache(machine.l2_bytes), cache(machine.l3_bytes));
  fmt::print("memory   {}\n", format_bytes(machine.memory_bytes));
  for (const IsaStatus& status : machine.isas)
    fmt::print("isa      {:<11} {}\n", to_string(status.isa), status.usable ? "yes" : "no: " + status.reason);
  if (peaks != nullptr) {
    fmt::print("peaks    {:.0f} GFLOPS FP32{}, {} ({} threads)\n", peaks->fp32_gflops,
               peaks->bf16_gflops > 0 ? fmt::format(", {:.0f} BF16", peaks->bf16_gflops) : "",
               peaks->int8_gops > 0 ? fmt::format("{:.0f} GOPS INT8", peaks->int8_gops) : "INT8 not measured",
               threads);
    fmt::print("reading  {:.0f} GB/s from L1, {:.0f} from L2, {:.0f} from L3, {:.1f} from memory\n",
               peaks->l1_read_gbps, peaks->l2_read_gbps, peaks->l3_read_gbps, peaks->memory_read_gbps);
  }
}

int run(const DevicesArguments& options) {
  const MachineInfo machine = describe_machine();
  const BuildOptions build = build_options(options.engine);
  const int threads = build.threads > 0 ? build.threads : machine.default_threads;
  MachinePeaks peaks;
  if (!options.no_peaks) peaks = machine_peaks(threads, build.isa.value_or(machine.best_isa));
  const MachinePeaks* measured = options.no_peaks ? nullptr : &peaks;
  const CudaDevices gpus = describe_cuda_devices();
  if (options.output.json()) {
    print_json(to_json(machine, gpus, measured, threads));
  } else {
    print_text(machine, measured, threads);
    print_text(gpus);
  }
  return 0;
}

}  // namespace

void add_devices(CLI::App& program, Run& selected) {
  auto options = std::make_shared<DevicesArguments>();
  CLI::App* command = program.add_subcommand("devices", "CPUs, instruction sets, measured peaks, GPUs");
  command
      ->add_option("--threads", options->engine.threads, "threads that measure the peaks; 0: as for engines")
      ->type_name("N");
  command->add_option("--isa", options->engine.isa, "instruction set whose peak is measured")
      ->type_name("SET");
  command->add_flag("--no-peaks", options->no_peaks, "do not measure the peaks");
  add_output_options(*command, options->output);
  command->footer("Example:\n  octet devices --format json");
  command->callback([options, &selected] { selected = [options] { return run(*options); }; });
}

}  // namespace octet::tools
