// The rpcs that tell of the server and its models, or change which are loaded: a table of rows.
//
// Private to this room. Threads: pure but for the table they ask. A new rpc is a function and a row in facts.cpp.
#pragma once

#include <string>
#include <string_view>

#include <grpcpp/support/byte_buffer.h>

#include "core/result.h"
#include "os/http_server/route.h"
#include "serve/model_table.h"

namespace arete::serve {

struct FactRow {
  const char* route;  // "/inference.GRPCInferenceService/ServerLive", as on the wire, in the metrics and the log
  os::Scope scope;
  os::RunsOn runs_on;  // kInline: microseconds; kWorker: reads files or loads
  // The answer's bytes to the request's; empties `request`.
  Result<grpc::ByteBuffer> (*answer)(ModelTable& table, const std::string& version, grpc::ByteBuffer& request);
};

// Null for another rpc.
const FactRow* find_fact(std::string_view route);

}  // namespace arete::serve
