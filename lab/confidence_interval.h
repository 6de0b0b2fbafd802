// An interval that holds the true value of a measured quantity with a stated confidence, in that quantity's
// unit.
#pragma once

namespace octet::lab {

struct ConfidenceInterval {
  double low = 0;
  double high = 0;
};

}  // namespace octet::lab
