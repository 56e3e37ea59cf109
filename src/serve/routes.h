// The route table of a server: /predict and its like, the Open Inference Protocol, metrics, health, pages.
// Threads: handlers may run on any. Ownership: `dispatcher` is borrowed and must outlive the server.
#pragma once

#include <string>
#include <vector>

#include "os/http_server/route.h"
#include "serve/dispatcher.h"

namespace arete::serve {

// `version` is the program's.
std::vector<os::Route> make_routes(Dispatcher& dispatcher, const std::string& version);

// What GET /model says: name, engine, inputs and outputs [{name, dtype, shape}] (dynamic sizes are
// -1, an unknown rank is null), the card in use, whether it was given or guessed, and limits.
Json describe_model(const ServedModel& model, const Limits& limits);

}  // namespace arete::serve
