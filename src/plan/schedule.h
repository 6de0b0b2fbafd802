// Which steps run together, and for how many images at a time; and from that, how long each buffer lives.
#pragma once

#include "plan/plan.h"

namespace octet::plan {

/// Splits the lowered steps into phases, segments and groups. Depends on sizes and options only.
void choose_phases(Plan& plan, const PlanOptions& options);

/// Images that one call of step `step` gets at most: the group of its segment.
int images_per_call(const Plan& plan, int step);

/// Gives each buffer its scope, image count and lifetime from the steps that use it and the phases they are
/// in.
void assign_lifetimes(Plan& plan);

/// Places all buffers in the two arenas and sets the plan's byte counts.
void place_in_arenas(Plan& plan);

}  // namespace octet::plan
