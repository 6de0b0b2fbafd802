// All device functions; cuda/functions.inc is their list.
#pragma once

#include "cuda/device/conv_dot.h"
#include "cuda/device/conv_imma.h"
#include "cuda/device/conv_plain.h"
#include "cuda/device/elements.h"
#include "cuda/device/lrn.h"
#include "cuda/device/lrn_f32.h"
#include "cuda/device/pool.h"
#include "cuda/device/pool_f32.h"
#include "cuda/device/rearrange.h"
#include "cuda/device/reformat.h"
#include "cuda/device/softmax.h"
