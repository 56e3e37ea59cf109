// The routes of the Open Inference Protocol, version 2, and of its extensions.
//
// Threads: handlers run on any. Ownership: `dispatcher` is borrowed and outlives the server.
// Spec: KServe's open inference protocol; the extensions as Triton documents them. Where clients and documents differ,
// docs/serving.md says what is done.
#pragma once

#include <string>
#include <vector>

#include "os/http_server/route.h"
#include "serve/dispatcher.h"

namespace arete::serve {

extern const Protocol kV2Protocol;

std::vector<os::Route> make_v2_routes(Dispatcher& dispatcher, const std::string& version);

}  // namespace arete::serve
