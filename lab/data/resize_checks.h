// What both resize functions ask of their arguments.
#pragma once

#include "lab/data/image.h"

namespace octet::lab {

/// Throws Error(kInvalidArgument) unless `image` is whole and width x height can be made.
void check_resize(const Image& image, int width, int height);

}  // namespace octet::lab
