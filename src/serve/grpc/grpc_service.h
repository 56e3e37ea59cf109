// GrpcService: the rpcs of open_inference.proto.
//
// Private to this room. Threads: gRPC's own; none of them blocks here. Ownership: borrows the dispatcher; outlives the
// server that calls it.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <utility>

#include <open_inference.grpc.pb.h>

#include "serve/dispatcher.h"
#include "serve/grpc/visit.h"

namespace arete::serve {

class GrpcService final : public inference::GRPCInferenceService::CallbackService {
 public:
  GrpcService(Dispatcher& dispatcher, VisitRules& rules, std::string version)
      : dispatcher_(dispatcher), rules_(rules), version_(std::move(version)) {}

  using Context = grpc::CallbackServerContext;
  using Reactor = grpc::ServerUnaryReactor;

  Reactor* ServerLive(Context* context, const inference::ServerLiveRequest* request,
                      inference::ServerLiveResponse* response) override;
  Reactor* ServerReady(Context* context, const inference::ServerReadyRequest* request,
                       inference::ServerReadyResponse* response) override;
  Reactor* ModelReady(Context* context, const inference::ModelReadyRequest* request,
                      inference::ModelReadyResponse* response) override;
  Reactor* ServerMetadata(Context* context, const inference::ServerMetadataRequest* request,
                          inference::ServerMetadataResponse* response) override;
  Reactor* ModelMetadata(Context* context, const inference::ModelMetadataRequest* request,
                         inference::ModelMetadataResponse* response) override;
  Reactor* ModelConfig(Context* context, const inference::ModelConfigRequest* request,
                       inference::ModelConfigResponse* response) override;
  Reactor* ModelStatistics(Context* context, const inference::ModelStatisticsRequest* request,
                           inference::ModelStatisticsResponse* response) override;
  Reactor* ModelInfer(Context* context, const inference::ModelInferRequest* request,
                      inference::ModelInferResponse* response) override;
  grpc::ServerBidiReactor<inference::ModelInferRequest, inference::ModelStreamInferResponse>* ModelStreamInfer(
      Context* context) override;
  Reactor* RepositoryIndex(Context* context, const inference::RepositoryIndexRequest* request,
                           inference::RepositoryIndexResponse* response) override;
  Reactor* RepositoryModelLoad(Context* context, const inference::RepositoryModelLoadRequest* request,
                               inference::RepositoryModelLoadResponse* response) override;
  Reactor* RepositoryModelUnload(Context* context, const inference::RepositoryModelUnloadRequest* request,
                                 inference::RepositoryModelUnloadResponse* response) override;

 private:
  using Work = std::function<Status()>;

  // Runs what takes microseconds, here.
  Reactor* look(Context& context, const char* route, const Work& work);
  // Runs what reads files, on a handler.
  Reactor* control(Context& context, const char* route, os::Scope scope, Work work);

  ModelTable& table() const { return dispatcher_.table(); }

  Dispatcher& dispatcher_;
  VisitRules& rules_;
  const std::string version_;
};

}  // namespace arete::serve
