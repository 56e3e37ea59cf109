// InferStream: one ModelStreamInfer: requests one after another, each answered before the next is read.
//
// An error of one request is said in its answer and the stream goes on.
// Private to this room. Threads: gRPC's, and those that answer; one at a time. Ownership: deletes itself when the
// stream is over; borrows the dispatcher.
#pragma once

#include <cstddef>

#include <grpcpp/support/server_callback.h>
#include <open_inference.pb.h>

#include "serve/dispatcher.h"
#include "serve/grpc/visit.h"

namespace arete::serve {

class InferStream final
    : public grpc::ServerBidiReactor<inference::ModelInferRequest, inference::ModelStreamInferResponse> {
 public:
  InferStream(Dispatcher& dispatcher, Visit visit, const grpc::CallbackServerContext& context);

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone() override { delete this; }

 private:
  void answer(const Outcome& outcome);
  void finish(const Outcome& outcome);

  Dispatcher& dispatcher_;
  Visit visit_;
  const grpc::CallbackServerContext& context_;
  inference::ModelInferRequest request_;
  inference::ModelStreamInferResponse response_;
  std::size_t bytes_in_ = 0;
  std::size_t bytes_out_ = 0;
  bool first_ = true;
};

}  // namespace arete::serve
