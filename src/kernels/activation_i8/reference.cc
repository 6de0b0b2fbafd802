// Table look-ups one by one: runs everywhere, and what the fast files are compared with.
#include "kernels/activation_i8/contract.h"

namespace octet::kernels {
namespace {

void look_up(const ActivationI8Run& run) {
  for (std::int64_t p = 0; p < run.pixels; ++p)
    for (std::int64_t c = 0; c < run.channels; ++c)
      run.output[p * run.output_step + c] = run.table[run.input[p * run.input_step + c]];
}

}  // namespace

const ActivationI8Function kActivationI8Generic = look_up;

}  // namespace octet::kernels
