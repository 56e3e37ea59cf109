// GrpcService: finds for each call who answers it.
//
// It takes every call as bytes, so that they are looked at before they become messages (wire.h).
// Private to this room. Threads: gRPC's own; none of them blocks here. Ownership: borrows the dispatcher; outlives the
// server that calls it.
#pragma once

#include <string>
#include <utility>

#include <grpcpp/generic/async_generic_service.h>

#include "serve/dispatcher.h"
#include "serve/grpc/stream_list.h"
#include "serve/grpc/visit.h"

namespace arete::serve {

class GrpcService final : public grpc::CallbackGenericService {
 public:
  GrpcService(Dispatcher& dispatcher, VisitRules& rules, std::string version)
      : dispatcher_(dispatcher), rules_(rules), version_(std::move(version)) {}

  // Streams that wait for a request are over, others after their answer; new ones are refused. Any thread.
  void end_streams() { streams_.end(); }

  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override;

 private:
  Dispatcher& dispatcher_;
  VisitRules& rules_;
  const std::string version_;
  StreamList streams_;
};

}  // namespace arete::serve
