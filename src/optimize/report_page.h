// The HTML page that shows an Outcome to a person: web/optimize/report.html with the JSON inside.
// Not for: deciding or wording anything; the page shows what the JSON (docs/formats/report.md)
// says. Threads: pure.
#pragma once

#include <string>

#include "core/json.h"

namespace arete::optimize {

// One self-contained page. `report` is the object of `arete optimize --json`, best with samples.
// Names in it may be hostile: none of them can end the script block that it stands in, or start
// another.
std::string render_report(const Json& report);

}  // namespace arete::optimize
