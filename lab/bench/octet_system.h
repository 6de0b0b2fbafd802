// Octet's own engine as a system under test: an engine, a context, and synthetic images in memory.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "lab/bench/bindings.h"
#include "lab/bench/system_under_test.h"
#include "octet/engine.h"

namespace octet::lab {

/// What a network that is kept needs to be run at a batch, known before anything of it is allocated: the
/// engine's MemoryInfo, and the caller's inputs and outputs.
struct MemoryNeed {
  MemoryInfo engine;
  std::uint64_t binding_bytes = 0;
  /// At any time: while the engine is built, or when it runs.
  std::uint64_t total() const {
    return std::max(engine.build_bytes, engine.network_bytes + engine.total() + binding_bytes);
  }
};
/// Throws what Engine::estimate_memory and binding_bytes throw. `options.memory_limit` is not looked at.
MemoryNeed memory_need(const Network& network, const BuildOptions& options);

class OctetSystem final : public SystemUnderTest {
 public:
  /// Builds the engine and fills `options.max_batch` synthetic images of `seed`. `options.memory_limit` (0:
  /// none) is the limit of all that memory_need() counts: Error(kMemoryLimit) says what is needed, before
  /// anything is allocated. Throws what Engine::build throws.
  OctetSystem(const Network& network, const BuildOptions& options, std::uint64_t seed);
  /// Of an engine that is built already. `calibration` (may be null) is the one it was built with.
  OctetSystem(Engine engine, const Calibration* calibration, std::uint64_t seed);

  const SystemInfo& info() const override { return info_; }
  void run(int batch) override { bindings_.run(context_, batch); }
  std::string output_hash() override;

  /// The images that it runs, as Bindings has them.
  std::span<std::byte> input() { return bindings_.input(); }
  std::span<const float> output(int batch) const { return bindings_.output(batch); }

  const Engine& engine() const { return engine_; }
  /// Of Engine::build; 0 for an engine that was built elsewhere.
  double build_ms() const { return build_ms_; }

 private:
  struct Built;
  OctetSystem(Built built, const Calibration* calibration, std::uint64_t seed);

  Engine engine_;
  double build_ms_ = 0;
  Context context_;
  Bindings bindings_;
  SystemInfo info_;
};

}  // namespace octet::lab
