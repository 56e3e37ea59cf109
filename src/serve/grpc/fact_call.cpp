#include "serve/grpc/fact_call.h"

#include <utility>

namespace arete::serve {

FactCall::FactCall(Dispatcher& dispatcher, const std::string& version, const FactRow* row, Visit visit)
    : dispatcher_(dispatcher), version_(version), row_(row), visit_(std::move(visit)) {
  if (visit_.refusal()) {
    finish(*visit_.refusal());
  } else if (row_ == nullptr) {
    finish(outcome_of(Error{Code::kUnsupported, "this server has no such call"}));
  } else {
    StartRead(&bytes_);
  }
}

void FactCall::OnReadDone(bool ok) {
  if (!ok) return finish(outcome_of(Error{Code::kInvalid, "the call has no message"}));
  bytes_in_ = bytes_.Length();
  if (row_->runs_on == os::RunsOn::kInline) return answer();
  if (!dispatcher_.crew().handlers.try_run([this] { answer(); }))
    finish(outcome_of(Error{Code::kUnavailable, "too many requests wait already"}));
}

void FactCall::answer() {
  Result<grpc::ByteBuffer> answer = row_->answer(dispatcher_.table(), version_, bytes_);
  if (!answer) return finish(outcome_of(answer.error()));
  bytes_.Swap(&*answer);
  visit_.end({}, bytes_in_, bytes_.Length());
  StartWriteAndFinish(&bytes_, grpc::WriteOptions(), grpc::Status::OK);
}

// With an error, and so without a message.
void FactCall::finish(const Outcome& outcome) {
  visit_.end(outcome, bytes_in_, 0);
  Finish(outcome.status);
}

}  // namespace arete::serve
