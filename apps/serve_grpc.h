// The second door of `arete serve`, gRPC: an option of the build. serve_grpc.cpp is built where it is there,
// serve_grpc_absent.cpp where it is not, which says how to get it.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "apps/cli.h"
#include "apps/serve_door.h"
#include "core/result.h"
#include "os/base/log.h"
#include "serve/dispatcher.h"

namespace arete::apps {

struct GrpcArguments {
  std::optional<std::uint16_t> port;  // nothing: no such door
};

// A door that was opened.
class GrpcListener {
 public:
  virtual ~GrpcListener() = default;
  virtual std::string address() const = 0;  // "grpc://127.0.0.1:8001"
  virtual void stop(int grace_ms) = 0;      // as GrpcDoor::stop
};

void declare_grpc(CLI::App& app, GrpcArguments& arguments);

// Listens from now on where that was asked for, with the host, keys, certificates, limit and log of the other door.
// Null where it was not.
Result<std::unique_ptr<GrpcListener>> open_grpc(serve::Dispatcher& dispatcher, const GrpcArguments& arguments,
                                                const DoorArguments& door, os::Log* log);

}  // namespace arete::apps
