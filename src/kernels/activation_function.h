// The functions of ActivationDesc in double, for the kernels without vectors and for tables of bytes. Only
// + - * / and powers of two are used, and no math library, so that a table is the same on every machine.
#pragma once

#include "kernels/op_desc.h"

namespace octet::kernels {

/// f(x), off by less than 1e-9 of its size where that is a normal float; of a NaN a NaN.
double activation(const ActivationDesc& desc, double x);

}  // namespace octet::kernels
