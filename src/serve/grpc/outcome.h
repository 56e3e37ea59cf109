// Outcome: how a call ends, as gRPC says it and as the metrics and the log count it.
//
// Private to this room. Threads: values.
#pragma once

#include <grpcpp/support/status.h>

#include "core/error.h"
#include "os/http_server/http_message.h"

namespace arete::serve {

struct Outcome {
  grpc::Status status = {};
  int number = 200;  // that HTTP has for it

  bool ok() const { return status.ok(); }
};

Outcome outcome_of(const Error& error);
// A refusal of os::check_access.
Outcome outcome_of(const os::HttpResponse& refusal);

}  // namespace arete::serve
