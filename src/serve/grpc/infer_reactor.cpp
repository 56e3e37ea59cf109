#include "serve/grpc/infer_reactor.h"

#include <memory>
#include <utility>
#include <vector>

#include "serve/grpc/infer_call.h"
#include "serve/grpc/wire.h"

namespace arete::serve {
namespace {

Outcome server_stops() { return outcome_of(Error{Code::kUnavailable, "the server stops"}); }

}  // namespace

void StreamList::add(InferReactor* stream) {
  const std::lock_guard lock(mutex_);
  streams_.insert(stream);
  if (ending_) stream->end();
}

void StreamList::remove(InferReactor* stream) {
  const std::lock_guard lock(mutex_);
  streams_.erase(stream);
}

void StreamList::end() {
  const std::lock_guard lock(mutex_);
  ending_ = true;
  for (InferReactor* const stream : std::vector<InferReactor*>(streams_.begin(), streams_.end())) {
    if (streams_.contains(stream)) stream->end();
  }
}

InferReactor::InferReactor(Kind kind, Dispatcher& dispatcher, StreamList& list, Visit visit,
                           const grpc::CallbackServerContext& context)
    : kind_(kind), dispatcher_(dispatcher), list_(list), visit_(std::move(visit)), context_(context) {
  if (kind_ == Kind::kStream) list_.add(this);
  if (visit_.refusal()) {
    finish(*visit_.refusal());
  } else {
    read_next();
  }
}

void InferReactor::end() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    if (!reading_) return;
  }
  finish(server_stops());
}

void InferReactor::read_next() {
  bool over = false;
  {
    const std::lock_guard lock(mutex_);
    over = ending_;
    reading_ = !over;
    if (!over) StartRead(&bytes_);
  }
  if (over) finish(server_stops());
}

void InferReactor::OnReadDone(bool ok) {
  {
    const std::lock_guard lock(mutex_);
    reading_ = false;
    if (finished_) return;
  }
  if (!ok) return finish({});  // the client has no more, or went away
  const std::size_t bytes = bytes_.Length();
  bytes_in_ += bytes;
  if (const Outcome taken = take_request(); !taken.ok()) return answer(taken);
  dispatcher_.dispatch(std::make_unique<InferCall>(context_, request_, bytes, *response_.mutable_infer_response(),
                                                   [this](const Outcome& outcome) { answer(outcome); }));
}

Outcome InferReactor::take_request() {
  // The first request was counted as the call was.
  if (!std::exchange(first_, false)) {
    if (const std::optional<Outcome> refused = visit_.admit()) return *refused;
  }
  const Status parsed = parse(bytes_, dispatcher_.limits().max_tensor_bytes, request_);
  if (parsed) return {};
  request_.Clear();
  return outcome_of(parsed.error());
}

void InferReactor::answer(const Outcome& outcome) {
  if (kind_ == Kind::kOne) return answer_one(outcome);
  answer_in_stream(outcome);
}

void InferReactor::answer_one(const Outcome& outcome) {
  if (!outcome.ok()) return finish(outcome);
  Result<grpc::ByteBuffer> bytes = serialize(response_.infer_response());
  if (!bytes) return finish(outcome_of(bytes.error()));
  bytes_.Swap(&*bytes);
  visit_.end(outcome, bytes_in_, bytes_.Length());
  StartWriteAndFinish(&bytes_, grpc::WriteOptions(), grpc::Status::OK);
}

void InferReactor::answer_in_stream(const Outcome& outcome) {
  if (!outcome.ok()) {
    response_.set_error_message(outcome.status.error_message());
    response_.mutable_infer_response()->set_id(request_.id());
    response_.mutable_infer_response()->set_model_name(request_.model_name());
  }
  Result<grpc::ByteBuffer> bytes = serialize(response_);
  if (!bytes) return finish(outcome_of(bytes.error()));
  bytes_.Swap(&*bytes);
  bytes_out_ += bytes_.Length();
  StartWrite(&bytes_);
}

void InferReactor::OnWriteDone(bool ok) {
  if (kind_ == Kind::kOne) return;  // it was finished with the answer
  if (!ok) return finish({});
  bytes_.Clear();
  response_.Clear();
  request_.Clear();
  read_next();
}

void InferReactor::finish(const Outcome& outcome) {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(finished_, true)) return;
  }
  visit_.end(outcome, bytes_in_, bytes_out_);
  Finish(outcome.status);
}

void InferReactor::OnDone() {
  if (kind_ == Kind::kStream) list_.remove(this);
  delete this;
}

}  // namespace arete::serve
