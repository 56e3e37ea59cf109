#include "serve/dispatcher.h"

#include <algorithm>
#include <memory>
#include <new>

#include "os/http_server/content_coding.h"
#include "proof/output_match.h"

namespace arete::serve {
namespace {

constexpr std::size_t kQuickBodyBytes = 16384;
constexpr std::size_t kMaxShadowQueue = 8;           // a shadow that is behind is not asked
constexpr std::int64_t kLargeAnswerElements = 4096;  // what takes longer to write than to hand to another thread
constexpr std::size_t kLargeExchangeBytes = std::size_t{1} << 20;
constexpr proof::Tolerance kShadowTolerance = {.of_largest = 1e-3, .absolute = 1e-5};

std::int64_t elements_of(const Inference& inference) {
  std::int64_t elements = 0;
  for (const Tensor& output : inference.outputs) elements += output.size();
  return elements;
}

Error no_memory() { return {Code::kUnavailable, "not enough memory for this request now; try again later"}; }

Error too_many() { return {Code::kUnavailable, "too many requests wait already"}; }

class HttpCall final : public Call {
 public:
  HttpCall(const Protocol& protocol, std::string name, std::string version, os::HttpRequest request,
           os::Responder respond)
      : Call(protocol.kind, std::move(name), std::move(version), request.body.size()),
        protocol_(protocol),
        request_(std::move(request)),
        respond_(std::move(respond)) {}

  std::optional<ModelRequest> read(const ServedModel& model, const Limits& limits) override {
    if (const Status plain = os::decode_body(request_, limits.max_tensor_bytes); !plain) {
      response_ = os::error_response(plain.error());
      return std::nullopt;
    }
    auto read = protocol_.read(model, request_, limits);
    request_.body = std::string();  // the tensors are what counts from here on
    if (auto* const refusal = std::get_if<os::HttpResponse>(&read)) {
      response_ = std::move(*refusal);
      return std::nullopt;
    }
    auto& question = std::get<Question>(read);
    answer_ = std::move(question.answer);
    return std::move(question.request);
  }
  void answer(const ServedModel& model, const Inference& inference) override {
    response_ = answer_(model, inference);
    if (request_.headers.count("Accept-Encoding") > 0) os::encode_body(response_, request_);
  }
  void refuse(const Error& error) override { response_ = protocol_.refuse(error); }
  int status() const override { return response_.status; }
  std::size_t answer_bytes() const override { return response_.body.size(); }
  void send() override { respond_(std::move(response_)); }

 private:
  const Protocol& protocol_;
  os::HttpRequest request_;
  os::Responder respond_;
  std::function<os::HttpResponse(const ServedModel& model, const Inference& answer)> answer_;
  os::HttpResponse response_;
};

}  // namespace

void Dispatcher::dispatch(const Protocol& protocol, std::string name, std::string version, os::HttpRequest request,
                          os::Responder respond) {
  dispatch(std::make_unique<HttpCall>(protocol, std::move(name), std::move(version), std::move(request),
                                      std::move(respond)));
}

void Dispatcher::dispatch(CallPtr call) {
  if (call->name_.empty()) call->name_ = table_.default_name();
  call->arrived_ns_ = crew_.clock.now_ns();
  Result<Pick> pick = table_.pick(call->name_, call->version_);
  if (pick) {
    call->pick_ = std::move(*pick);
    return start(std::move(call));
  }
  if (table_.is_asleep(call->name_)) return wake(std::move(call));
  // Another request may have woken it since.
  pick = table_.pick(call->name_, call->version_);
  if (!pick) return refuse(*call, pick.error());
  call->pick_ = std::move(*pick);
  start(std::move(call));
}

// Its model made room for others; it is loaded again, and this request waits for that.
void Dispatcher::wake(CallPtr call) {
  if (!crew_.handlers.try_reserve()) return refuse(*call, too_many());
  crew_.handlers.run_reserved([this, call = std::move(call)]() mutable {
    Result<Pick> pick = table_.wake(call->name_, call->version_);
    if (!pick) return refuse(*call, pick.error());
    call->pick_ = std::move(*pick);
    crew_.reading_waits();
    ask(std::move(call), RunOn::kRunner);
  });
}

void Dispatcher::start(CallPtr call) {
  const ServedModel& model = *call->pick_.model;
  if (model.is_quick() && call->bytes_ <= kQuickBodyBytes) return ask(std::move(call), RunOn::kHere);
  const Status room = model.has_room(crew_.expected_reading_wait_ns());
  if (!room) return refuse(*call, room.error());
  if (!crew_.handlers.try_reserve()) return refuse(*call, too_many());
  crew_.reading_waits();
  crew_.handlers.run_reserved([this, call = std::move(call)]() mutable { read_late(std::move(call)); });
}

// On a handler, once one got free.
void Dispatcher::read_late(CallPtr call) {
  const Status in_time = call->pick_.model->has_room(crew_.clock.now_ns() - call->arrived_ns_);
  if (in_time) return ask(std::move(call), RunOn::kRunner);
  crew_.reading_is_dropped();
  refuse(*call, in_time.error());
}

void Dispatcher::ask(CallPtr call, RunOn where) {
  const std::shared_ptr<const ServedModel> model = call->pick_.model;
  const std::int64_t begin_ns = where == RunOn::kHere ? call->arrived_ns_ : crew_.clock.now_ns();
  std::optional<ModelRequest> request = read(*call);
  const std::int64_t took_ns = crew_.clock.now_ns() - begin_ns;
  if (where == RunOn::kRunner) crew_.reading_ends(took_ns);
  if (!request) return finish(*call);
  request->arrived_ns = call->arrived_ns_;
  request->decode_ns = took_ns;
  if (call->pick_.shadow) call->shadow_inputs_ = request->inputs;
  model->infer(std::move(*request), where, [this, call = std::move(call)](Result<Inference> inference) mutable {
    take(std::move(call), std::move(inference));
  });
}

// No memory for one request is that request's end, not the server's.
std::optional<ModelRequest> Dispatcher::read(Call& call) {
  try {
    return call.read(*call.pick_.model, limits_);
  } catch (const std::bad_alloc&) {
    call.refuse(no_memory());
    return std::nullopt;
  }
}

// A long answer is written on a handler, so that the run is free for others.
void Dispatcher::take(CallPtr call, Result<Inference> inference) {
  const bool large = inference && elements_of(*inference) > kLargeAnswerElements;
  if (!large || !crew_.handlers.try_reserve()) return answer(*call, inference);
  crew_.handlers.run_reserved(
      [this, call = std::move(call), inference = std::move(inference)] { answer(*call, inference); });
}

void Dispatcher::answer(Call& call, const Result<Inference>& inference) {
  if (!inference) return refuse(call, inference.error());
  try {
    call.answer(*call.pick_.model, *inference);
  } catch (const std::bad_alloc&) {
    call.refuse(no_memory());
  }
  finish(call);
  if (call.pick_.shadow) compare_shadow(call, *inference);
}

void Dispatcher::refuse(Call& call, const Error& error) {
  call.refuse(error);
  finish(call);
}

void Dispatcher::finish(Call& call) {
  const std::size_t largest = std::max(call.bytes_, call.answer_bytes());
  const ServedModel* const model = call.pick_.model.get();
  // A name that nobody knows must not become a label.
  const std::string_view name = model != nullptr ? std::string_view(model->name()) : "";
  const std::string_view version = model != nullptr ? std::string_view(model->version()) : "";
  if (model != nullptr && call.status() == 200) {
    model->metrics().answered[static_cast<std::size_t>(call.kind_)]->add();
  } else {
    crew_.metrics.count_request(name, version, call.kind_, call.status());
  }
  call.send();
  if (largest > kLargeExchangeBytes) crew_.trim_soon();
}

void Dispatcher::compare_shadow(const Call& call, const Inference& inference) {
  const std::shared_ptr<const ServedModel> shadow = call.pick_.shadow;
  if (shadow->batcher().counts().queued > kMaxShadowQueue) return;
  ModelRequest request;
  request.inputs = call.shadow_inputs_;
  request.priority = kPriorities - 1;
  shadow->infer(std::move(request), RunOn::kRunner,
                [shadow, given = inference.outputs](const Result<Inference>& answer) {
                  bool same = answer.has_value() && answer->outputs.size() == given.size();
                  for (std::size_t i = 0; same && i < given.size(); ++i)
                    same = proof::check_match("", given[i], answer->outputs[i], kShadowTolerance).has_value();
                  (same ? shadow->metrics().shadow_same : shadow->metrics().shadow_different).add();
                });
}

}  // namespace arete::serve
