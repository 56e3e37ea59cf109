#include "serve/dispatcher.h"

#include <algorithm>
#include <memory>

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

Error too_many() { return {Code::kUnavailable, "too many requests wait already"}; }

}  // namespace

struct Dispatcher::Job {
  const Protocol& protocol;
  std::string name;
  std::string version;
  os::HttpRequest request;
  os::Responder respond;
  std::int64_t arrived_ns = 0;
  std::size_t body_bytes = 0;
  Pick pick = {};
  Question question = {};
  std::vector<NamedTensor> shadow_inputs = {};
};

void Dispatcher::dispatch(const Protocol& protocol, std::string name, std::string version, os::HttpRequest request,
                          os::Responder respond) {
  if (name.empty()) name = table_.default_name();
  const std::size_t body_bytes = request.body.size();
  std::unique_ptr<Job> job(new Job{protocol, std::move(name), std::move(version), std::move(request),
                                   std::move(respond), crew_.clock.now_ns(), body_bytes});
  Result<Pick> pick = table_.pick(job->name, job->version);
  if (pick) {
    job->pick = std::move(*pick);
    return start(std::move(job));
  }
  if (table_.is_asleep(job->name)) return wake(std::move(job));
  finish(*job, protocol.refuse(pick.error()));
}

// Its model made room for others; it is loaded again, and this request waits for that.
void Dispatcher::wake(std::unique_ptr<Job> job) {
  if (!crew_.handlers.try_reserve()) return finish(*job, job->protocol.refuse(too_many()));
  crew_.handlers.run_reserved([this, job = std::move(job)]() mutable {
    const Status loaded = table_.is_asleep(job->name) ? table_.load(job->name) : Status();
    Result<Pick> pick = loaded ? table_.pick(job->name, job->version) : Result<Pick>(loaded.error());
    if (!pick) return finish(*job, job->protocol.refuse(pick.error()));
    job->pick = std::move(*pick);
    ask(std::move(job), RunOn::kRunner);
  });
}

void Dispatcher::start(std::unique_ptr<Job> job) {
  const ServedModel& model = *job->pick.model;
  if (model.is_quick() && job->body_bytes <= kQuickBodyBytes) return ask(std::move(job), RunOn::kHere);
  if (const Status room = model.has_room(); !room) return finish(*job, job->protocol.refuse(room.error()));
  if (!crew_.handlers.try_reserve()) return finish(*job, job->protocol.refuse(too_many()));
  crew_.handlers.run_reserved([this, job = std::move(job)]() mutable { ask(std::move(job), RunOn::kRunner); });
}

void Dispatcher::ask(std::unique_ptr<Job> job, RunOn where) {
  const std::shared_ptr<const ServedModel> model = job->pick.model;
  const std::int64_t begin_ns = crew_.clock.now_ns();
  auto read = job->protocol.read(*model, job->request, limits_);
  job->request.body = std::string();  // the tensors are what counts from here on
  if (auto* const refusal = std::get_if<os::HttpResponse>(&read)) return finish(*job, std::move(*refusal));
  job->question = std::move(std::get<Question>(read));
  ModelRequest request = std::move(job->question.request);
  request.arrived_ns = job->arrived_ns;
  request.decode_ns = crew_.clock.now_ns() - begin_ns;
  if (job->pick.shadow) job->shadow_inputs = request.inputs;
  model->infer(std::move(request), where, [this, job = std::move(job)](Result<Inference> inference) mutable {
    take(std::move(job), std::move(inference));
  });
}

// A long answer is written on a handler, so that the run is free for others.
void Dispatcher::take(std::unique_ptr<Job> job, Result<Inference> inference) {
  const bool large = inference && elements_of(*inference) > kLargeAnswerElements;
  if (!large || !crew_.handlers.try_reserve()) return answer(*job, inference);
  crew_.handlers.run_reserved(
      [this, job = std::move(job), inference = std::move(inference)] { answer(*job, inference); });
}

void Dispatcher::answer(Job& job, const Result<Inference>& inference) {
  if (!inference) return finish(job, job.protocol.refuse(inference.error()));
  finish(job, job.question.answer(*job.pick.model, *inference));
  if (job.pick.shadow) compare_shadow(job, *inference);
}

void Dispatcher::finish(Job& job, os::HttpResponse response) {
  const std::size_t largest = std::max(job.body_bytes, response.body.size());
  const ServedModel* const model = job.pick.model.get();
  // A name that nobody knows must not become a label.
  const std::string_view name = model != nullptr ? std::string_view(model->name()) : "";
  const std::string_view version = model != nullptr ? std::string_view(model->version()) : "";
  if (model != nullptr && response.status == 200) {
    model->metrics().answered[static_cast<std::size_t>(job.protocol.kind)]->add();
  } else {
    crew_.metrics.count_request(name, version, job.protocol.kind, response.status);
  }
  job.respond(std::move(response));
  if (largest > kLargeExchangeBytes) crew_.trim_soon();
}

void Dispatcher::compare_shadow(const Job& job, const Inference& inference) {
  const std::shared_ptr<const ServedModel> shadow = job.pick.shadow;
  if (shadow->batcher().counts().queued > kMaxShadowQueue) return;
  ModelRequest request;
  request.inputs = job.shadow_inputs;
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
