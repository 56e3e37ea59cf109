// GrpcDoor: the Open Inference Protocol over gRPC, beside HTTP and for the same models.
//
// Calls hold no thread while they wait: gRPC's own threads read and write, the dispatcher's crew decodes and runs.
// Who may call what is os/http_server/access.h's, with the call's metadata in place of headers.
// Not for: what the messages mean (infer_messages.h).
// Threads: start, stop and the destructor from one thread. Ownership: borrows the dispatcher.
// Spec: open_inference.proto; the meanings as v2_message.h. Limits: GrpcOptions, and those of grpc_door.cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "core/result.h"
#include "os/http_server/api_keys.h"
#include "os/http_server/http_server.h"
#include "os/http_server/rate_limit.h"
#include "os/http_server/tls.h"
#include "serve/dispatcher.h"

namespace arete::serve {

// A message may be as large as Limits::max_tensor_bytes.
struct GrpcOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;  // 0: any free one
  std::optional<os::TlsOptions> tls = std::nullopt;
  os::ApiKeys api_keys = {};
  os::RateLimit rate_limit = {};  // of inference, by client
  // Called after each call, refused ones too; `status` is the number that HTTP has for it. Must take microseconds.
  std::function<void(const os::Exchange&)> on_exchange = nullptr;
};

class GrpcDoor {
 public:
  // Listens and answers from now on; `version` is the program's. kConflict where it cannot listen there, kInvalid for
  // certificates that are none.
  static Result<std::unique_ptr<GrpcDoor>> start(const GrpcOptions& options, Dispatcher& dispatcher,
                                                 std::string version);
  virtual ~GrpcDoor() = default;  // as stop(0)

  virtual std::uint16_t port() const = 0;
  // Takes no new calls, lets those under way finish for at most grace_ms, then ends them. Blocks. Later calls do
  // nothing.
  virtual void stop(int grace_ms) = 0;
};

}  // namespace arete::serve
