// Functions of every byte by itself, on kNhwc maps of kUInt8: the functions of ActivationDesc as a table of
// 256 bytes,
//
//   table[q] = to_integer(f(s_in * (q - z_in)) / s_out + z_out)      f in double
//   (kernels/activation_function.h)
//
// (rounded to float for to_integer) made once, when weights are packed, so that every instruction set gives
// the same bytes whatever f is. The unit of work is a run of neighbouring pixels of one image, all padded
// channels (a multiple of 16) of each. Input and output may be the same memory where their pixel strides
// agree.
#pragma once

#include <cstdint>

namespace octet::kernels {

struct ActivationI8Run {
  const std::uint8_t* input;
  std::uint8_t* output;
  std::int64_t input_step, output_step;  // bytes from one pixel to the next
  std::int64_t channels;                 // padded
  std::int64_t pixels;
  const std::uint8_t* table;
};
using ActivationI8Function = void (*)(const ActivationI8Run& run);

extern const ActivationI8Function kActivationI8Generic;
extern const ActivationI8Function kActivationI8Avx2;
extern const ActivationI8Function kActivationI8Avx512;

}  // namespace octet::kernels
