#include "serve/grpc/grpc_service.h"

#include <memory>
#include <utility>

#include "serve/grpc/infer_call.h"
#include "serve/grpc/infer_messages.h"
#include "serve/grpc/infer_stream.h"
#include "serve/v2_facts.h"

namespace arete::serve {
namespace {

using os::Scope;

// A macro, as the log and the metrics keep the address of the text.
#define ARETE_ROUTE(method) "/inference.GRPCInferenceService/" method

Outcome outcome_of(const Status& status) { return status ? Outcome() : outcome_of(status.error()); }

Status fill_from(const Result<Json>& facts, google::protobuf::Message& message) {
  return facts ? fill(*facts, message) : Status(facts.error());
}

GrpcService::Reactor* finish(GrpcService::Context& context, const Visit& visit, const Outcome& outcome) {
  visit.end(outcome, 0, 0);
  GrpcService::Reactor* const reactor = context.DefaultReactor();
  reactor->Finish(outcome.status);
  return reactor;
}

}  // namespace

GrpcService::Reactor* GrpcService::look(Context& context, const char* route, const Work& work) {
  const Visit visit(rules_, context, route, Scope::kPublic);
  return finish(context, visit, visit.refusal() ? *visit.refusal() : outcome_of(work()));
}

GrpcService::Reactor* GrpcService::control(Context& context, const char* route, Scope scope, Work work) {
  const auto visit = std::make_shared<const Visit>(rules_, context, route, scope);
  if (visit->refusal()) return finish(context, *visit, *visit->refusal());
  os::WorkerPool& handlers = dispatcher_.crew().handlers;
  if (!handlers.try_reserve())
    return finish(context, *visit, outcome_of(Error{Code::kUnavailable, "too many requests wait already"}));
  Reactor* const reactor = context.DefaultReactor();
  handlers.run_reserved([&context, visit, work = std::move(work)] { finish(context, *visit, outcome_of(work())); });
  return reactor;
}

// ---- Health and metadata ----

GrpcService::Reactor* GrpcService::ServerLive(Context* context, const inference::ServerLiveRequest*,
                                              inference::ServerLiveResponse* response) {
  return look(*context, ARETE_ROUTE("ServerLive"), [response] {
    response->set_live(true);
    return Status();
  });
}

GrpcService::Reactor* GrpcService::ServerReady(Context* context, const inference::ServerReadyRequest*,
                                               inference::ServerReadyResponse* response) {
  return look(*context, ARETE_ROUTE("ServerReady"), [this, response] {
    response->set_ready(table().all_ready());
    return Status();
  });
}

// A model that nobody knows is not ready, as clients of this rpc expect.
GrpcService::Reactor* GrpcService::ModelReady(Context* context, const inference::ModelReadyRequest* request,
                                              inference::ModelReadyResponse* response) {
  return look(*context, ARETE_ROUTE("ModelReady"), [this, request, response] {
    const Result<bool> ready = v2_model_ready(table(), request->name(), request->version());
    response->set_ready(ready && *ready);
    return Status();
  });
}

GrpcService::Reactor* GrpcService::ServerMetadata(Context* context, const inference::ServerMetadataRequest*,
                                                  inference::ServerMetadataResponse* response) {
  return look(*context, ARETE_ROUTE("ServerMetadata"),
              [this, response] { return fill(v2_server_metadata(version_), *response); });
}

GrpcService::Reactor* GrpcService::ModelMetadata(Context* context, const inference::ModelMetadataRequest* request,
                                                 inference::ModelMetadataResponse* response) {
  return look(*context, ARETE_ROUTE("ModelMetadata"), [this, request, response] {
    return fill_from(v2_model_metadata(table(), request->name(), request->version()), *response);
  });
}

GrpcService::Reactor* GrpcService::ModelConfig(Context* context, const inference::ModelConfigRequest* request,
                                               inference::ModelConfigResponse* response) {
  return look(*context, ARETE_ROUTE("ModelConfig"), [this, request, response] {
    return fill_from(v2_model_config(table(), request->name(), request->version()), *response->mutable_config());
  });
}

GrpcService::Reactor* GrpcService::ModelStatistics(Context* context, const inference::ModelStatisticsRequest* request,
                                                   inference::ModelStatisticsResponse* response) {
  return look(*context, ARETE_ROUTE("ModelStatistics"), [this, request, response] {
    return fill_from(v2_statistics(table(), request->name(), request->version()), *response);
  });
}

// ---- Inference ----

GrpcService::Reactor* GrpcService::ModelInfer(Context* context, const inference::ModelInferRequest* request,
                                              inference::ModelInferResponse* response) {
  const Visit visit(rules_, *context, ARETE_ROUTE("ModelInfer"), Scope::kPredict);
  if (visit.refusal()) return finish(*context, visit, *visit.refusal());
  Reactor* const reactor = context->DefaultReactor();
  const std::size_t bytes_in = request->ByteSizeLong();
  dispatcher_.dispatch(
      std::make_unique<InferCall>(*context, *request, *response, [=, visit = visit](const Outcome& outcome) {
        visit.end(outcome, bytes_in, response->ByteSizeLong());
        reactor->Finish(outcome.status);
      }));
  return reactor;
}

grpc::ServerBidiReactor<inference::ModelInferRequest, inference::ModelStreamInferResponse>*
GrpcService::ModelStreamInfer(Context* context) {
  return new InferStream(dispatcher_, Visit(rules_, *context, ARETE_ROUTE("ModelStreamInfer"), Scope::kPredict),
                         *context);
}

// ---- The repository ----

GrpcService::Reactor* GrpcService::RepositoryIndex(Context* context, const inference::RepositoryIndexRequest* request,
                                                   inference::RepositoryIndexResponse* response) {
  return control(*context, ARETE_ROUTE("RepositoryIndex"), Scope::kPublic, [this, request, response]() -> Status {
    ASSIGN_OR_RETURN(Json models, v2_repository_index(table(), request->ready()));
    return fill(Json::object({{"models", std::move(models)}}), *response);
  });
}

GrpcService::Reactor* GrpcService::RepositoryModelLoad(Context* context,
                                                       const inference::RepositoryModelLoadRequest* request,
                                                       inference::RepositoryModelLoadResponse*) {
  return control(*context, ARETE_ROUTE("RepositoryModelLoad"), Scope::kAdmin, [this, request]() -> Status {
    ASSIGN_OR_RETURN(const V2Parameters parameters, read_parameters(request->parameters()));
    return v2_load(table(), request->model_name(), parameters);
  });
}

GrpcService::Reactor* GrpcService::RepositoryModelUnload(Context* context,
                                                         const inference::RepositoryModelUnloadRequest* request,
                                                         inference::RepositoryModelUnloadResponse*) {
  return control(*context, ARETE_ROUTE("RepositoryModelUnload"), Scope::kAdmin, [this, request]() -> Status {
    ASSIGN_OR_RETURN(const V2Parameters parameters, read_parameters(request->parameters()));
    return v2_unload(table(), request->model_name(), parameters);
  });
}

}  // namespace arete::serve
