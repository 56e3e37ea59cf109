// The HTML page that shows an Outcome to a person: web/optimize/report.html with the JSON inside.
// Threads: pure.
#pragma once

#include <string>

#include "core/json.h"

namespace arete::optimize {

// One self-contained page. The JSON (docs/formats/report.md) may hold hostile names: none of them can
// end the script block that it stands in.
std::string render_report(const Json& report);

}  // namespace arete::optimize
