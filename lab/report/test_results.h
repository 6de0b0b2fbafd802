// Results for tests of the report, made from the made-up study of lab/bundle/test_bundle.h.
#pragma once

#include "lab/support/json_fwd.h"

namespace octet::lab {

/// Every section has rows, of every outcome and verdict.
Json full_results();

/// A study that described its machine and was stopped: nothing measured, no meter works.
Json empty_results();

/// full_results() with text in every place that would end the script, make elements or run code if it were
/// not kept as text. Code that did run would set the document's data-hacked.
Json hostile_results();

}  // namespace octet::lab
