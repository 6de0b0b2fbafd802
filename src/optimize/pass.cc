#include "optimize/pass.h"

namespace octet::optimize {
namespace {

constexpr Pass kPasses[] = {
    {"merge_reshape", "makes one of two reshapes in a row, and nothing of those that change nothing",
     merge_reshape},
    {"fold_pad_into_convolution", "makes zeros around a map the padding of the convolution that reads it",
     fold_pad_into_convolution},
    {"eliminate_dead_code", "removes layers that no output depends on", eliminate_dead_code},
    {"remove_identity", "removes Dropout, Split and other layers that pass their input on", remove_identity},
    {"fold_batch_norm", "turns BatchNorm into a scale and a shift of each channel", fold_batch_norm},
    {"merge_channel_affine", "makes one of two scales and shifts in a row", merge_channel_affine},
    {"fold_affine_into_convolution", "puts a scale and shift into the weights and bias before it",
     fold_affine_into_convolution},
    {"fuse_residual", "adds a residual branch where the convolution writes its result", fuse_residual},
    {"fuse_relu", "applies a ReLU where the layer before it writes its result", fuse_relu},
};

}  // namespace

std::span<const Pass> all_passes() { return kPasses; }

}  // namespace octet::optimize
