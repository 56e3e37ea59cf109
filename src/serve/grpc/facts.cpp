#include "serve/grpc/facts.h"

#include <open_inference.pb.h>

#include <algorithm>
#include <array>
#include <utility>

#include "serve/grpc/infer_messages.h"
#include "serve/grpc/wire.h"
#include "serve/v2_facts.h"

namespace arete::serve {
namespace {

using os::RunsOn;
using os::Scope;

constexpr std::size_t kMaxBytes = 65536;  // of a request

struct Server {
  ModelTable& table;
  const std::string& version;
};

Status fill_from(const Result<Json>& facts, google::protobuf::Message& message) {
  return facts ? fill(*facts, message) : Status(facts.error());
}

Status live(const Server&, const inference::ServerLiveRequest&, inference::ServerLiveResponse& into) {
  into.set_live(true);
  return {};
}

Status ready(const Server& server, const inference::ServerReadyRequest&, inference::ServerReadyResponse& into) {
  into.set_ready(server.table.all_ready());
  return {};
}

// A model that nobody knows is not ready, as clients of this rpc expect.
Status model_ready(const Server& server, const inference::ModelReadyRequest& asked,
                   inference::ModelReadyResponse& into) {
  const Result<bool> ready = v2_model_ready(server.table, asked.name(), asked.version());
  into.set_ready(ready && *ready);
  return {};
}

Status metadata(const Server& server, const inference::ServerMetadataRequest&,
                inference::ServerMetadataResponse& into) {
  return fill(v2_server_metadata(server.version), into);
}

Status model_metadata(const Server& server, const inference::ModelMetadataRequest& asked,
                      inference::ModelMetadataResponse& into) {
  return fill_from(v2_model_metadata(server.table, asked.name(), asked.version()), into);
}

Status config(const Server& server, const inference::ModelConfigRequest& asked, inference::ModelConfigResponse& into) {
  return fill_from(v2_model_config(server.table, asked.name(), asked.version()), *into.mutable_config());
}

Status statistics(const Server& server, const inference::ModelStatisticsRequest& asked,
                  inference::ModelStatisticsResponse& into) {
  return fill_from(v2_statistics(server.table, asked.name(), asked.version()), into);
}

Status index(const Server& server, const inference::RepositoryIndexRequest& asked,
             inference::RepositoryIndexResponse& into) {
  ASSIGN_OR_RETURN(Json models, v2_repository_index(server.table, asked.ready()));
  return fill(Json::object({{"models", std::move(models)}}), into);
}

Status load(const Server& server, const inference::RepositoryModelLoadRequest& asked,
            inference::RepositoryModelLoadResponse&) {
  ASSIGN_OR_RETURN(const V2Parameters parameters, read_parameters(asked.parameters()));
  return v2_load(server.table, asked.model_name(), parameters);
}

Status unload(const Server& server, const inference::RepositoryModelUnloadRequest& asked,
              inference::RepositoryModelUnloadResponse&) {
  ASSIGN_OR_RETURN(const V2Parameters parameters, read_parameters(asked.parameters()));
  return v2_unload(server.table, asked.model_name(), parameters);
}

template <class Request, class Response, Status (*kTell)(const Server&, const Request&, Response&)>
Result<grpc::ByteBuffer> answer(ModelTable& table, const std::string& version, grpc::ByteBuffer& request) {
  Request asked;
  RETURN_IF_ERROR(parse(request, kMaxBytes, asked));
  Response response;
  RETURN_IF_ERROR(kTell({table, version}, asked, response));
  return serialize(response);
}

// The messages of a function are those of its parameters.
template <auto kTell>
struct Answer;
template <class Request, class Response, Status (*kTell)(const Server&, const Request&, Response&)>
struct Answer<kTell> {
  static constexpr auto kFunction = &answer<Request, Response, kTell>;
};

template <auto kTell>
constexpr FactRow row(const char* route, Scope scope = Scope::kPublic, RunsOn runs_on = RunsOn::kInline) {
  return {route, scope, runs_on, Answer<kTell>::kFunction};
}

constexpr std::array<FactRow, 10> kRows = {
    {row<&live>("/inference.GRPCInferenceService/ServerLive"),
     row<&ready>("/inference.GRPCInferenceService/ServerReady"),
     row<&model_ready>("/inference.GRPCInferenceService/ModelReady"),
     row<&metadata>("/inference.GRPCInferenceService/ServerMetadata"),
     row<&model_metadata>("/inference.GRPCInferenceService/ModelMetadata"),
     row<&config>("/inference.GRPCInferenceService/ModelConfig"),
     row<&statistics>("/inference.GRPCInferenceService/ModelStatistics"),
     row<&index>("/inference.GRPCInferenceService/RepositoryIndex", Scope::kPublic, RunsOn::kWorker),
     row<&load>("/inference.GRPCInferenceService/RepositoryModelLoad", Scope::kAdmin, RunsOn::kWorker),
     row<&unload>("/inference.GRPCInferenceService/RepositoryModelUnload", Scope::kAdmin, RunsOn::kWorker)}};

}  // namespace

const FactRow* find_fact(std::string_view route) {
  const auto found = std::ranges::find(kRows, route, &FactRow::route);
  return found == kRows.end() ? nullptr : &*found;
}

}  // namespace arete::serve
