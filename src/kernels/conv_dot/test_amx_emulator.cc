#include "kernels/conv_dot/test_amx_emulator.h"

#include <signal.h>
#include <ucontext.h>

#include <atomic>
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <vector>

#include "cpu/features.h"
#include "kernels/conv_dot/test_amx_tile_model.h"

namespace octet::kernels::conv_dot {
namespace {

thread_local TileModel model;
std::atomic<long> instructions = 0;

/// A three-byte VEX instruction of map 0F38 (Intel's manual, volume 2, section 2.3): C4, inverted R X B and
/// the map, W and inverted vvvv and L and pp, opcode, ModRM and what it asks for.
class Instruction {
 public:
  Instruction(const std::uint8_t* at, const gregset_t& registers) : at_(at), registers_(registers) {}

  bool is_vex_0f38() const { return at_[0] == 0xc4 && (at_[1] & 0x1f) == 2 && (at_[2] & 0x84) == 0; }
  int opcode() const { return at_[3]; }
  int prefix() const { return at_[2] & 3; }  // 0: none, 1: 66, 2: F3, 3: F2
  bool has_memory() const { return mode() != 3; }
  int reg() const { return at_[4] >> 3 & 7; }
  int rm() const { return at_[4] & 7; }
  int vvvv() const { return ~(at_[2] >> 3) & 15; }
  bool has_index() const { return has_memory() && rm() == 4; }

  int length() const {
    if (!has_memory()) return 5;
    const int displacement = mode() == 1 ? 1 : mode() == 2 || relative() ? 4 : 0;
    return 5 + (rm() == 4 ? 1 : 0) + displacement;
  }
  /// Base and displacement; the index of a tile load or store is not part of the address but its stride.
  std::byte* address() const {
    const bool sib = rm() == 4;
    const std::uint8_t* rest = at_ + (sib ? 6 : 5);
    if (relative()) return std::bit_cast<std::byte*>(at_ + length() + read<std::int32_t>(rest));
    const int base = (sib ? at_[5] & 7 : rm()) | (at_[1] & 0x20 ? 0 : 8);
    if (mode() == 0 && (base & 7) == 5) throw std::logic_error("emulator: address without a base register");
    std::int64_t displacement = 0;
    if (mode() == 1) displacement = int{read<std::int8_t>(rest)};
    if (mode() == 2) displacement = read<std::int32_t>(rest);
    return std::bit_cast<std::byte*>(value(base) + displacement);
  }
  std::int64_t stride() const {
    const int index = (at_[5] >> 3 & 7) | (at_[1] & 0x40 ? 0 : 8);
    return index == 4 ? 0 : value(index) << (at_[5] >> 6);
  }

 private:
  int mode() const { return at_[4] >> 6; }
  /// To the instruction that follows.
  bool relative() const { return mode() == 0 && rm() == 5; }
  template <class Integer>
  static Integer read(const std::uint8_t* from) {
    Integer x;
    std::memcpy(&x, from, sizeof x);
    return x;
  }
  std::int64_t value(int number) const {
    static constexpr int kPlace[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
                                       REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                       REG_R12, REG_R13, REG_R14, REG_R15};
    return registers_[kPlace[number]];
  }

  const std::uint8_t* at_;
  const gregset_t& registers_;
};

bool execute(const Instruction& i) {
  if (!i.is_vex_0f38()) return false;
  switch (i.opcode() << 4 | i.prefix()) {
    case 0x490:
      i.has_memory() ? model.load_configuration(i.address()) : model.release();
      return true;
    case 0x493:
      model.zero(i.reg());
      return true;
    case 0x4b1:
    case 0x4b3:
      if (!i.has_index()) return false;
      model.load(i.reg(), i.address(), i.stride(), i.prefix() == 1 ? "stream" : "load");
      return true;
    case 0x4b2:
      if (!i.has_index()) return false;
      model.store(i.reg(), i.address(), i.stride());
      return true;
    case 0x5c2:
      model.dot_bf16(i.reg(), i.rm(), i.vvvv());
      return true;
    case 0x5e1:
      model.dot_u8_s8(i.reg(), i.rm(), i.vvvv());
      return true;
    default:
      return false;
  }
}

void handle(int, siginfo_t*, void* context) {
  gregset_t& registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
  const Instruction instruction(std::bit_cast<const std::uint8_t*>(registers[REG_RIP]), registers);
  try {
    if (execute(instruction)) {
      registers[REG_RIP] += instruction.length();
      ++instructions;
      return;
    }
    std::fputs("emulator: not an instruction that it knows\n", stderr);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
  }
  std::_Exit(1);
}

std::string choose() {
  const cpu::CpuFeatures& features = cpu::detect_features();
  const std::vector<IsaStatus> isas = cpu::usable_isas(features);
  const auto usable = [&](Isa isa) { return isas[static_cast<std::size_t>(isa)].usable; };
  if (usable(Isa::kAmx)) return "hardware";
  // Where the CPU has tiles that may not be used, the signal would be another one.
  if (!usable(Isa::kAvx512Bf16) || features.amx_tile) return "";
  struct sigaction action = {};
  action.sa_sigaction = handle;
  action.sa_flags = SA_SIGINFO;
  return sigaction(SIGILL, &action, nullptr) == 0 ? "emulation" : "";
}

}  // namespace

std::string tile_instructions() {
  static const std::string executor = choose();
  return executor;
}

long emulated_instructions() { return instructions; }
TileModel& emulated_tiles() { return model; }

}  // namespace octet::kernels::conv_dot
