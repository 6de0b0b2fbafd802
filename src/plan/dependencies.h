// Which steps must wait for which. Two steps conflict if one writes what the other reads or writes; all
// others may run in any order, and threads that share each step need to meet only before a step that
// conflicts with one since they last met. So the branches of an inception module, or a shortcut's projection
// and the block beside it, cost a barrier together, not one each, and what a thread does less of in one of
// them it may do more of in the next.
#pragma once

#include "plan/plan.h"

namespace octet::plan {

/// Moves steps that could run together next to each other: a step stands behind all steps that have no longer
/// chain of conflicts before them. Steps in conflict keep their order. Before phases are chosen.
void order_by_level(Plan& plan);

/// Sets Step::waits. After buffers are placed: those that share memory conflict too.
void mark_waits(Plan& plan);

}  // namespace octet::plan
