// A small network that bytes describe: every kind of layer, with shapes, strides, paddings, dilations and
// groups as they come.
#pragma once

#include "fuzz/targets/byte_choices.h"
#include "octet/network.h"

namespace octet::fuzz {

/// Throws octet::Error where the parts do not fit together.
Network network_of_bytes(ByteChoices& choices);

}  // namespace octet::fuzz
