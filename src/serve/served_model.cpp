#include "serve/served_model.h"

#include <algorithm>
#include <chrono>

#include "proof/opened.h"

namespace arete::serve {
namespace {

constexpr std::int64_t kQuickNs = 200'000;
constexpr std::uint64_t kSeed = 1;

// The inputs in the model's order; kInvalid as every engine says it.
Status put_in_order(std::span<const engine::ValueInfo> wanted, std::vector<NamedTensor>& inputs) {
  RETURN_IF_ERROR(engine::check_inputs(wanted, inputs));
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (inputs[i].name == wanted[i].name) continue;
    const auto found = std::ranges::find(inputs, wanted[i].name, &NamedTensor::name);
    std::swap(inputs[i], *found);
  }
  return {};
}

int runs_at_once(const ServingOptions& options) {
  if (options.max_runs > 0) return options.max_runs;
  const int cores = os::physical_cores();
  const int threads = options.threads > 0 ? options.threads : cores;
  return std::max(2, cores / threads);
}

// Frees a model on a thread of its own, as nobody who waits for an answer shall wait for that.
struct FreeLater {
  Crew& crew;
  void operator()(const ServedModel* gone) const {
    const auto free_it = [gone] {
      delete gone;
      os::return_freed_memory();
    };
    if (!crew.chores.try_run(free_it)) free_it();
  }
};

std::int64_t unix_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

ServedModel::ServedModel(ModelPlace place, ModelCodec codec, const ServingOptions& options, Crew& crew)
    : place_(std::move(place)),
      codec_(std::move(codec)),
      options_(options),
      crew_(crew),
      opening_(++crew.openings),
      metrics_(crew.metrics.of_model(place_.name, place_.version)) {}

ServedModel::~ServedModel() { crew_.metrics.forget_model(place_.name, place_.version); }

Result<std::shared_ptr<const ServedModel>> ServedModel::open(const ModelPlace& place, const PlaceFiles& files,
                                                             engine::Engine& engine, const ServingOptions& options,
                                                             Crew& crew) {
  ASSIGN_OR_RETURN(std::optional<ModelCard> card, files.card());
  ASSIGN_OR_RETURN(const engine::ModelSource source, files.model());
  engine::SessionOptions session_options;
  session_options.threads = options.threads;
  Result<proof::Opened> opened = proof::open_measured(engine, source, session_options, crew.clock);
  if (!opened) return with_context(std::move(opened).error(), files.model_path());
  Result<ModelCodec> codec =
      ModelCodec::make(place.name, std::move(card), opened->session->inputs(), opened->session->outputs());
  if (!codec) return with_context(std::move(codec).error(), files.model_path());
  std::unique_ptr<ServedModel> made(new ServedModel(place, std::move(*codec), options, crew));
  made->engine_ = engine.name() + " " + engine.version();
  const auto growth = static_cast<std::uint64_t>(std::max<std::int64_t>(0, opened->resident_growth_bytes));
  made->bytes_ = std::max<std::uint64_t>(source.size_bytes(), growth);
  made->make_batcher(std::move(opened->session));
  made->warm_up();
  if (const Status good = made->check_golden(files); !good) return with_context(good.error(), files.model_path());
  made->last_used_ns_ = crew.clock.now_ns();  // somebody wants it: it is not the first to make room
  std::shared_ptr<const ServedModel> model(made.release(), FreeLater{crew});
  return model;
}

void ServedModel::make_batcher(std::unique_ptr<engine::Session> session) {
  BatcherOptions batching;
  batching.max_runs = session->concurrent() ? runs_at_once(options_) : 1;
  batching.max_wait_ns = options_.max_wait_ns;
  batching.max_delay_ns = options_.max_delay_ns;
  // Work keeps the model, and with it the batcher, until it is done.
  const auto runner = [this](std::function<void()> work) {
    return crew_.runners.try_run([keep = shared_from_this(), work = std::move(work)] { work(); });
  };
  const auto observer = [this](std::int64_t rows, std::int64_t compute_ns, bool ok) {
    if (!ok) return;
    statistics_.add_run(rows, compute_ns);
    metrics_.compute.observe(static_cast<double>(compute_ns) / 1e9);
    metrics_.rows.observe(static_cast<double>(rows));
  };
  batcher_ = std::make_unique<Batcher>(std::move(session), batching, runner, crew_.clock, observer);
}

// The first request shall not be the slow one.
void ServedModel::warm_up() {
  notices_ = codec_.notices();
  const std::vector<NamedTensor> zeros = codec_.zero_inputs();
  if (zeros.empty()) return;
  const Result<std::vector<Tensor>> outputs = batcher_->run_alone(zeros);
  if (!outputs) {
    notices_.push_back("a trial run on zeros failed: " + outputs.error().message);
    return;
  }
  for (std::string& notice : codec_.notices(*outputs)) notices_.push_back(std::move(notice));
}

// Before it answers anybody it must give the answers that came with it.
Status ServedModel::check_golden(const PlaceFiles& files) {
  ASSIGN_OR_RETURN(std::optional<proof::Golden> golden, files.golden(codec_.inputs(), codec_.outputs()));
  if (!golden) return {};
  const auto answers =
      proof::check_golden(*golden, [this](std::span<const NamedTensor> inputs) { return batcher_->run_alone(inputs); });
  if (!answers) return with_context(answers.error(), "it does not give the answers of " + files.golden_path());
  golden_.emplace(std::move(*golden));
  return {};
}

bool ServedModel::is_quick() const {
  const std::int64_t row_ns = batcher_->row_ns();
  return row_ns > 0 && row_ns < kQuickNs;
}

void ServedModel::infer(ModelRequest request, RunOn where, InferenceDone done) const {
  const std::shared_ptr<const ServedModel> keep = shared_from_this();  // the last answer may let go of it
  const std::int64_t begin_ns = request.arrived_ns != 0 ? request.arrived_ns : crew_.clock.now_ns();
  last_used_ns_.store(begin_ns, std::memory_order_relaxed);
  if (const Status fits = put_in_order(codec_.inputs(), request.inputs); !fits) {
    statistics_.add_failure(crew_.clock.now_ns() - begin_ns);
    return done(fits.error());
  }
  InferenceRequest inference;
  inference.inputs = std::move(request.inputs);
  inference.priority = request.priority;
  if (request.timeout_ns > 0) inference.deadline_ns = begin_ns + request.timeout_ns;
  inference.done = counted(request, begin_ns, std::move(done));
  // Who may be late shall not make others late that joined it.
  if (!crew_.cache.is_on() || request.timeout_ns > 0) return batcher_->submit(std::move(inference), where);
  const Hash128 key = crew_.cache.key_of(opening_, inference.inputs);
  const bool miss = crew_.cache.ask(key, inference.done) == AnswerCache::Outcome::kMiss;
  statistics_.add_cache(!miss, crew_.clock.now_ns() - begin_ns);
  (miss ? metrics_.cache_misses : metrics_.cache_hits).add();
  if (!miss) return;
  inference.done = [&cache = crew_.cache, key,
                    answer_first = std::move(inference.done)](Result<Inference> answer) mutable {
    cache.settle(key, answer);
    answer_first(std::move(answer));
  };
  batcher_->submit(std::move(inference), where);
}

InferenceDone ServedModel::counted(const ModelRequest& request, std::int64_t begin_ns, InferenceDone done) const {
  return [self = shared_from_this(), begin_ns, decode_ns = request.decode_ns,
          done = std::move(done)](Result<Inference> answer) mutable {
    const std::int64_t answered_ns = self->crew_.clock.now_ns();
    RequestTimes times;
    times.decode_ns = decode_ns;
    const bool ok = answer.has_value();
    if (ok) {
      times.queue_ns = answer->queue_ns;
      times.compute_ns = answer->compute_ns;
      times.from_cache = answer->from_cache;
      answer->decode_ns = decode_ns;
    }
    done(std::move(answer));
    times.encode_ns = self->crew_.clock.now_ns() - answered_ns;
    times.total_ns = answered_ns + times.encode_ns - begin_ns;
    if (!ok) return self->statistics_.add_failure(times.total_ns);
    self->statistics_.add_success(times, unix_ms());
    self->metrics_.duration.observe(static_cast<double>(times.total_ns) / 1e9);
    self->metrics_.queue.observe(static_cast<double>(times.queue_ns) / 1e9);
  };
}

proof::BatchVerdict ServedModel::prove_batches() const {
  if (options_.max_rows <= 1) return {1, "batching was not asked for"};
  const proof::RunModel run = [this](std::span<const NamedTensor> inputs) -> Result<std::vector<Tensor>> {
    if (ending_) return Error{Code::kCancelled, "the model was unloaded"};
    return batcher_->run_alone(inputs);
  };
  const Result<proof::Golden> golden =
      golden_ ? Result<proof::Golden>(*golden_) : proof::random_golden(codec_.inputs(), kSeed);
  if (!golden) return {1, golden.error().message};
  const auto alone = proof::check_golden(*golden, run);
  if (!alone) return {1, alone.error().message};
  proof::BatchQuestion question;
  question.inputs = codec_.inputs();
  question.outputs = codec_.outputs();
  question.max_rows = options_.max_rows;
  question.tolerance = options_.batch_tolerance;
  question.cancelled = [this] { return ending_.load(); };
  question.now_ns = [this] { return crew_.clock.now_ns(); };
  proof::BatchVerdict verdict = proof::check_batching(question, *golden, *alone, run);
  batcher_->allow_rows(verdict.max_rows);
  return verdict;
}

}  // namespace arete::serve
