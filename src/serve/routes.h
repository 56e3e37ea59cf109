// The route table of a server with one model: POST /predict, GET /healthz, GET /model, GET /.
// Threads: handlers may run on any. Ownership: `service` is borrowed and must outlive the server.
#pragma once

#include <vector>

#include "os/http_server/route.h"
#include "serve/model_service.h"
#include "serve/predict.h"

namespace arete::serve {

std::vector<os::Route> make_routes(const ModelService& service, const PredictLimits& limits);

// What GET /model says: name, engine, inputs and outputs [{name, dtype, shape}] (dynamic sizes are
// -1, an unknown rank is null), the card in use, whether it was given or guessed, and limits.
Json describe_model(const ModelService& service, const PredictLimits& limits);

}  // namespace arete::serve
