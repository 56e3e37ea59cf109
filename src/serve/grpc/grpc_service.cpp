#include "serve/grpc/grpc_service.h"

#include "serve/grpc/fact_call.h"
#include "serve/grpc/facts.h"
#include "serve/grpc/infer_reactor.h"

namespace arete::serve {
namespace {

constexpr const char* kInfer = "/inference.GRPCInferenceService/ModelInfer";
constexpr const char* kStreamInfer = "/inference.GRPCInferenceService/ModelStreamInfer";

}  // namespace

grpc::ServerGenericBidiReactor* GrpcService::CreateReactor(grpc::GenericCallbackServerContext* context) {
  using Kind = InferReactor::Kind;
  const std::string& method = context->method();
  if (method == kInfer || method == kStreamInfer) {
    const bool one = method == kInfer;
    Visit visit(rules_, *context, one ? kInfer : kStreamInfer, os::Scope::kPredict);
    return new InferReactor(one ? Kind::kOne : Kind::kStream, dispatcher_, streams_, std::move(visit), *context);
  }
  const FactRow* const row = find_fact(method);
  // A name that nobody knows must not become a label.
  Visit visit(rules_, *context, row != nullptr ? row->route : "", row != nullptr ? row->scope : os::Scope::kPublic);
  return new FactCall(dispatcher_, version_, row, std::move(visit));
}

}  // namespace arete::serve
