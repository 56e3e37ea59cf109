#include "serve/grpc/infer_stream.h"

#include <memory>
#include <utility>

#include "serve/grpc/infer_call.h"

namespace arete::serve {

InferStream::InferStream(Dispatcher& dispatcher, Visit visit, const grpc::CallbackServerContext& context)
    : dispatcher_(dispatcher), visit_(std::move(visit)), context_(context) {
  if (visit_.refusal()) {
    finish(*visit_.refusal());
  } else {
    StartRead(&request_);
  }
}

void InferStream::OnReadDone(bool ok) {
  if (!ok) return finish({});  // the client has no more, or went away
  bytes_in_ += request_.ByteSizeLong();
  // The first request was counted as the call was.
  if (!std::exchange(first_, false)) {
    if (const std::optional<Outcome> refused = visit_.admit()) return answer(*refused);
  }
  dispatcher_.dispatch(std::make_unique<InferCall>(context_, request_, *response_.mutable_infer_response(),
                                                   [this](const Outcome& outcome) { answer(outcome); }));
}

void InferStream::answer(const Outcome& outcome) {
  if (!outcome.ok()) {
    response_.set_error_message(outcome.status.error_message());
    response_.mutable_infer_response()->set_id(request_.id());
    response_.mutable_infer_response()->set_model_name(request_.model_name());
  }
  bytes_out_ += response_.ByteSizeLong();
  StartWrite(&response_);
}

void InferStream::OnWriteDone(bool ok) {
  if (!ok) return finish({});
  response_.Clear();
  request_.Clear();
  StartRead(&request_);
}

void InferStream::finish(const Outcome& outcome) {
  visit_.end(outcome, bytes_in_, bytes_out_);
  Finish(outcome.status);
}

}  // namespace arete::serve
