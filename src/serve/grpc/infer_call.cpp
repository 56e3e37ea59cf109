#include "serve/grpc/infer_call.h"

#include <algorithm>
#include <deque>
#include <limits>
#include <string>
#include <utility>

#include "serve/grpc/infer_messages.h"
#include "serve/v2_reader.h"

namespace arete::serve {
namespace {

using std::chrono::system_clock;

constexpr std::int64_t kForEver = std::numeric_limits<std::int64_t>::max();
constexpr std::chrono::hours kLongest{24};  // a deadline beyond is none

std::int64_t time_left_ns(const grpc::CallbackServerContext& context) {
  const system_clock::time_point now = system_clock::now();
  const system_clock::time_point deadline = context.deadline();
  if (deadline > now + kLongest) return kForEver;
  return std::chrono::duration_cast<std::chrono::nanoseconds>(deadline - now).count();
}

}  // namespace

InferCall::InferCall(const grpc::CallbackServerContext& context, const inference::ModelInferRequest& request,
                     std::size_t bytes, inference::ModelInferResponse& response, Done done)
    : Call(ProtocolKind::kGrpc, request.model_name(), request.model_version(), bytes),
      context_(context),
      request_(request),
      response_(response),
      done_(std::move(done)),
      left_ns_(time_left_ns(context)) {}

InferCall::~InferCall() {
  if (sent_) return;
  refuse({Code::kBug, "the request was dropped without an answer"});
  send();
}

std::optional<ModelRequest> InferCall::read(const ServedModel& model, const Limits&) {
  Result<ModelRequest> read = read_for(model);
  if (read) return std::move(*read);
  refuse(read.error());
  return std::nullopt;
}

Result<ModelRequest> InferCall::read_for(const ServedModel& model) {
  // Nobody waits for it any more.
  if (context_.IsCancelled()) return Error{Code::kCancelled, "the call was cancelled"};
  if (left_ns_ <= 0) return Error{Code::kTimeout, "the call's deadline is over"};
  std::deque<std::string> kept;
  ASSIGN_OR_RETURN(const V2RequestJson message, read_message(request_, kept));
  ASSIGN_OR_RETURN(asked_, read_v2_message(model.codec(), message, true));
  ModelRequest question = take_question(asked_);
  if (left_ns_ != kForEver)
    question.timeout_ns = question.timeout_ns > 0 ? std::min(question.timeout_ns, left_ns_) : left_ns_;
  return question;
}

void InferCall::answer(const ServedModel& model, const Inference& inference) {
  const Status written = write_message(model.codec(), model.version(), asked_, inference.outputs, response_);
  if (!written) refuse(written.error());
}

void InferCall::refuse(const Error& error) {
  response_.Clear();
  outcome_ = outcome_of(error);
}

std::size_t InferCall::answer_bytes() const { return response_.ByteSizeLong(); }

void InferCall::send() {
  sent_ = true;
  done_(std::move(outcome_));
}

}  // namespace arete::serve
