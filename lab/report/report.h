// report.html: one self-contained file that shows results.json. The page holds the results as JSON, Chart.js
// (Debian's libjs-chart.js, inlined when Octet is built) and a script of ours that makes tables and charts of
// them, so that every figure on it is a value of results.json.
#pragma once

#include <string>

#include "lab/support/json_fwd.h"

namespace octet::lab {

/// Pure: the same results give the same bytes. Whatever text the results hold, it cannot end the page's
/// script.
std::string render_report(const Json& results);

}  // namespace octet::lab
