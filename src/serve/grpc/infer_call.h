// InferCall: one ModelInfer on its way through the dispatcher.
//
// Private to this room. Threads: as Call. Ownership: borrows context and messages, which last until `done` was called;
// it is called once, also for a call that is dropped.
#pragma once

#include <chrono>
#include <optional>

#include <grpcpp/server_context.h>
#include <open_inference.pb.h>

#include "core/move_function.h"
#include "serve/dispatcher.h"
#include "serve/grpc/outcome.h"
#include "serve/v2_message.h"

namespace arete::serve {

class InferCall final : public Call {
 public:
  using Done = MoveFunction<void(Outcome)>;

  // `bytes` are the request's on the wire.
  InferCall(const grpc::CallbackServerContext& context, const inference::ModelInferRequest& request, std::size_t bytes,
            inference::ModelInferResponse& response, Done done);
  ~InferCall() override;

  std::optional<ModelRequest> read(const ServedModel& model, const Limits& limits) override;
  void answer(const ServedModel& model, const Inference& inference) override;
  void refuse(const Error& error) override;
  int status() const override { return outcome_.number; }
  std::size_t answer_bytes() const override;
  void send() override;

 private:
  Result<ModelRequest> read_for(const ServedModel& model);

  const grpc::CallbackServerContext& context_;
  const inference::ModelInferRequest& request_;
  inference::ModelInferResponse& response_;
  Done done_;
  const std::int64_t left_ns_;  // until the call's deadline, when it came
  V2Request asked_;
  Outcome outcome_;
  bool sent_ = false;
};

}  // namespace arete::serve
