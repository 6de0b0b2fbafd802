#include "lab/bench/octet_system.h"

#include <fmt/format.h>

#include "octet/error.h"
#include "octet/version.h"

namespace octet::lab {
namespace {

std::string describe(const Calibration* calibration) {
  if (calibration == nullptr) return "";
  return fmt::format("{}, weights rounded {}, {} images: {}", to_string(calibration->method),
                     calibration->weight_rounding == WeightRounding::kAdaptive ? "adaptively" : "to nearest",
                     calibration->source.images, calibration->source.data);
}

std::string describe(const Device& device) {
  const CudaDevice gpu = describe_cuda_device(device.index);
  return fmt::format("{}, {}, {}", to_string(device), gpu.name, gpu.pci_address);
}

SystemInfo describe(const Engine& engine, const Calibration* calibration) {
  SystemInfo info;
  info.engine = "octet";
  info.version = kVersion;
  info.network = engine.network_name();
  info.precision = to_string(engine.precision());
  info.max_batch = engine.max_batch();
  info.threads = engine.threads();
  info.isa = engine.target();
  if (engine.device().kind != Device::Kind::kCpu) info.device = describe(engine.device());
  info.memory_bytes = engine.memory().total();
  info.hash = engine.hash();
  info.calibration = describe(calibration);
  return info;
}

}  // namespace

MemoryNeed memory_need(const Network& network, const BuildOptions& options) {
  BuildOptions unlimited = options;
  unlimited.memory_limit = 0;
  const MemoryInfo engine = Engine::estimate_memory(network, unlimited);
  return {engine, binding_bytes(network.inputs(), network.outputs(), options.max_batch, options.pixel_input)};
}

struct OctetSystem::Built {
  Engine engine;
  double ms = 0;

  static Built build(const Network& network, BuildOptions options) {
    if (options.memory_limit > 0) {
      const MemoryNeed need = memory_need(network, options);
      if (need.total() > options.memory_limit)
        throw Error(
            ErrorCode::kMemoryLimit,
            fmt::format(
                "{} at batch {} needs {} ({} bytes: {} network, {} weights, {} activations, {} images "
                "and outputs; {} while it is built); the limit is {}",
                network.name(), options.max_batch, format_bytes(need.total()), need.total(),
                format_bytes(need.engine.network_bytes), format_bytes(need.engine.weight_bytes),
                format_bytes(need.engine.arena_bytes), format_bytes(need.binding_bytes),
                format_bytes(need.engine.build_bytes), format_bytes(options.memory_limit)));
    }
    const Nanoseconds start = system_clock().now();
    Engine engine = Engine::build(network, options);
    return {std::move(engine), elapsed_ms(start)};
  }
};

OctetSystem::OctetSystem(const Network& network, const BuildOptions& options, std::uint64_t seed)
    : OctetSystem(Built::build(network, options), options.calibration.get(), seed) {}

OctetSystem::OctetSystem(Engine engine, const Calibration* calibration, std::uint64_t seed)
    : OctetSystem(Built{std::move(engine)}, calibration, seed) {}

OctetSystem::OctetSystem(Built built, const Calibration* calibration, std::uint64_t seed)
    : engine_(std::move(built.engine)),
      build_ms_(built.ms),
      context_(engine_.create_context()),
      bindings_(engine_, engine_.max_batch(), seed),
      info_(describe(engine_, calibration)) {}

std::string OctetSystem::output_hash() {
  bindings_.run(context_, 1);
  return bindings_.output_hash(1);
}

}  // namespace octet::lab
