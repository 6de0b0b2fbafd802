// Results as a study gives them (docs/study-bundle.md), with invented figures, for tests of the report.
#pragma once

#include "lab/support/json_fwd.h"

namespace octet::lab {

/// Every section has rows; some did not fit, were not run, failed, or are SUSPECT or INVALID.
Json full_results();

/// A study that described its machine and was stopped: nothing measured, no meter works.
Json empty_results();

/// full_results() with text in every place that would end the script, make elements or run code if it were
/// not kept as text. Code that did run would set the document's data-hacked.
Json hostile_results();

}  // namespace octet::lab
