// Everything a program that uses Octet needs.
#pragma once

#include "octet/api.h"
#include "octet/build_info.h"
#include "octet/calibration.h"
#include "octet/devices.h"
#include "octet/engine.h"
#include "octet/error.h"
#include "octet/export.h"
#include "octet/hash.h"
#include "octet/machine.h"
#include "octet/mean_image.h"
#include "octet/network.h"
#include "octet/reference.h"
#include "octet/types.h"
#include "octet/version.h"
