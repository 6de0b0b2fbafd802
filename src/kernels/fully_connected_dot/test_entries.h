// Every way of computing a fully connected layer of integers or BF16, for the family's test and its
// benchmark.
#pragma once

#include <vector>

#include "kernels/families.h"
#include "tests/support/kernel_runner.h"

namespace octet::kernels {

struct Named {
  const char* name;
  DataType type;
  test::Variant variant;
};

inline std::vector<Named> fully_connected_dot_entries() {
  return {
      {"i8_generic",
       DataType::kUInt8,
       {Isa::kGeneric, fully_connected_i8_generic_cost, fully_connected_i8_generic}},
      {"i16_generic",
       DataType::kInt16,
       {Isa::kGeneric, fully_connected_i16_generic_cost, fully_connected_i16_generic}},
      {"bf16_generic",
       DataType::kBFloat16,
       {Isa::kGeneric, fully_connected_bf16_generic_cost, fully_connected_bf16_generic}},
#ifdef OCTET_X86
      {"i8_avx2", DataType::kUInt8, {Isa::kAvx2, fully_connected_i8_avx2_cost, fully_connected_i8_avx2}},
      {"i8_avx512",
       DataType::kUInt8,
       {Isa::kAvx512, fully_connected_i8_avx512_cost, fully_connected_i8_avx512}},
      {"i8_avx512vnni",
       DataType::kUInt8,
       {Isa::kAvx512Vnni, fully_connected_i8_avx512vnni_cost, fully_connected_i8_avx512vnni}},
      {"i16_avx2", DataType::kInt16, {Isa::kAvx2, fully_connected_i16_avx2_cost, fully_connected_i16_avx2}},
      {"i16_avx512",
       DataType::kInt16,
       {Isa::kAvx512, fully_connected_i16_avx512_cost, fully_connected_i16_avx512}},
      {"i16_avx512vnni",
       DataType::kInt16,
       {Isa::kAvx512Vnni, fully_connected_i16_avx512vnni_cost, fully_connected_i16_avx512vnni}},
      {"bf16_avx2",
       DataType::kBFloat16,
       {Isa::kAvx2, fully_connected_bf16_avx2_cost, fully_connected_bf16_avx2}},
      {"bf16_avx512",
       DataType::kBFloat16,
       {Isa::kAvx512, fully_connected_bf16_avx512_cost, fully_connected_bf16_avx512}},
      {"bf16_avx512bf16",
       DataType::kBFloat16,
       {Isa::kAvx512Bf16, fully_connected_bf16_avx512bf16_cost, fully_connected_bf16_avx512bf16}},
      {"i8_amx", DataType::kUInt8, {Isa::kAmx, fully_connected_i8_amx_cost, fully_connected_i8_amx}},
      {"bf16_amx", DataType::kBFloat16, {Isa::kAmx, fully_connected_bf16_amx_cost, fully_connected_bf16_amx}},
#endif
  };
}

}  // namespace octet::kernels
