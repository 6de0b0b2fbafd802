// One evaluation shared out to several processes: each measures a part of the pictures, and the parts put
// together are what one process would have found.
#pragma once

#include <span>

#include "lab/accuracy/accuracy.h"

namespace octet::lab {

/// The `part`-th of `parts` parts of `pictures` pictures: contiguous, in order, as equal as whole batches
/// allow, so that every picture is in the batch in which a single process would have had it. A part may be
/// empty. Throws Error(kInvalidArgument) unless 0 <= part < parts and batch > 0.
Part part_of(std::size_t pictures, int batch, int part, int parts);

/// The parts' evaluations, in order, as one of all `pictures`. Throws Error: kMismatch (parts missing, out of
/// order or of other engines), kParse (every picture is broken).
Evaluation join_parts(std::span<const Evaluation> parts, std::size_t pictures);

}  // namespace octet::lab
