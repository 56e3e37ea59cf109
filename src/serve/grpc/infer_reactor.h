// InferReactor: one ModelInfer, or one ModelStreamInfer: requests one after another, each answered before the next is
// read. An error of one request of a stream is said in its answer, and the stream goes on.
//
// Private to this room. Threads: gRPC's, and those that answer; end() from any. Ownership: deletes itself when the
// call is over; borrows dispatcher and list.
#pragma once

#include <cstddef>
#include <mutex>

#include <grpcpp/generic/async_generic_service.h>
#include <open_inference.pb.h>

#include "serve/dispatcher.h"
#include "serve/grpc/stream_list.h"
#include "serve/grpc/visit.h"

namespace arete::serve {

class InferReactor final : public grpc::ServerGenericBidiReactor {
 public:
  enum class Kind : std::uint8_t { kOne, kStream };

  InferReactor(Kind kind, Dispatcher& dispatcher, StreamList& list, Visit visit,
               const grpc::CallbackServerContext& context);

  // No request after the one that is being answered. Touches nothing once that was said, as the call may be gone.
  void end();

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone() override;

 private:
  void read_next();
  Outcome take_request();
  void answer(const Outcome& outcome);
  void answer_one(const Outcome& outcome);
  void answer_in_stream(const Outcome& outcome);
  void finish(const Outcome& outcome);

  const Kind kind_;
  Dispatcher& dispatcher_;
  StreamList& list_;
  Visit visit_;
  const grpc::CallbackServerContext& context_;
  grpc::ByteBuffer bytes_;
  inference::ModelInferRequest request_;
  inference::ModelStreamInferResponse response_;
  std::size_t bytes_in_ = 0;
  std::size_t bytes_out_ = 0;
  bool first_ = true;

  std::mutex mutex_;  // of what follows
  bool reading_ = false;
  bool ending_ = false;
  bool finished_ = false;
};

}  // namespace arete::serve
