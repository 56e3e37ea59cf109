#include "serve/batcher.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <iterator>

#include "core/batch.h"
#include "core/check.h"

namespace arete::serve {
namespace {

constexpr double kNewest = 0.1;              // weight of the newest value in a moving mean
constexpr std::size_t kMaxLookAhead = 256;   // waiting requests that are looked at for one run
constexpr std::int64_t kTurnNs = 5'000'000;  // then other models that share the runners have theirs

void mix(double& mean, double value) { mean = mean == 0 ? value : mean + kNewest * (value - mean); }

// The first axis that all inputs share; 0 where they have none, so that the request joins no other.
std::int64_t common_rows(std::span<const NamedTensor> inputs) {
  std::int64_t rows = 0;
  for (const NamedTensor& input : inputs) {
    if (input.tensor.shape().empty() || input.tensor.dtype() == DType::kString) return 0;
    const std::int64_t own = input.tensor.shape().front();
    if (rows != 0 && own != rows) return 0;
    rows = own;
  }
  return rows;
}

bool can_join(std::span<const NamedTensor> a, std::span<const NamedTensor> b) {
  return std::ranges::equal(a, b, [](const NamedTensor& x, const NamedTensor& y) {
    return x.tensor.dtype() == y.tensor.dtype() && x.tensor.shape().size() == y.tensor.shape().size() &&
           std::equal(x.tensor.shape().begin() + 1, x.tensor.shape().end(), y.tensor.shape().begin() + 1);
  });
}

std::size_t bytes_of(std::span<const NamedTensor> inputs) {
  std::size_t bytes = 0;
  for (const NamedTensor& input : inputs) bytes += input.tensor.size_bytes();
  return bytes;
}

// NaN and infinities have all bits of their exponent.
template <class Bits>
bool has_exponent(std::span<const std::byte> bytes, Bits exponent) {
  bool found = false;
  for (std::size_t at = 0; at + sizeof(Bits) <= bytes.size(); at += sizeof(Bits)) {
    Bits bits = 0;
    std::memcpy(&bits, bytes.data() + at, sizeof(bits));
    found |= (bits & exponent) == exponent;
  }
  return found;
}

bool is_finite(const Tensor& tensor) {
  switch (tensor.dtype()) {
    case DType::kFloat64:
      return !has_exponent<std::uint64_t>(tensor.bytes(), 0x7FF0000000000000U);
    case DType::kFloat32:
      return !has_exponent<std::uint32_t>(tensor.bytes(), 0x7F800000U);
    case DType::kFloat16:
      return !has_exponent<std::uint16_t>(tensor.bytes(), 0x7C00U);
    case DType::kBfloat16:
      return !has_exponent<std::uint16_t>(tensor.bytes(), 0x7F80U);
    default:
      return true;
  }
}

// What a request counts for in the queue, also one without a batch axis.
std::int64_t weight_of(std::int64_t rows) { return std::max<std::int64_t>(1, rows); }

Error too_busy(const std::string& why) {
  return {Code::kUnavailable, "the model is too busy: " + why + "; try again later"};
}

Error past_deadline() { return {Code::kTimeout, "the request waited past its deadline"}; }

}  // namespace

Batcher::Batcher(std::unique_ptr<engine::Session> session, const BatcherOptions& options, Runner runner,
                 const os::Clock& clock, Observer observer)
    : session_(std::move(session)),
      options_(options),
      runner_(std::move(runner)),
      clock_(clock),
      observer_(std::move(observer)) {}

// ---- Arrival ----

Batcher::Waiting Batcher::wrap(InferenceRequest request) const {
  request.priority = std::clamp(request.priority, 0, kPriorities - 1);
  Waiting waiting;
  waiting.rows = common_rows(request.inputs);
  waiting.bytes = bytes_of(request.inputs);
  waiting.since_ns = clock_.now_ns();
  waiting.request = std::move(request);
  return waiting;
}

std::optional<Error> Batcher::refusal(const Waiting& waiting) const {
  if (counts_.queued >= options_.max_queued || queued_bytes_ + waiting.bytes > options_.max_queued_bytes) {
    return too_busy(std::to_string(counts_.queued) + " requests wait already");
  }
  return too_long(0);
}

std::optional<Error> Batcher::too_long(std::int64_t before_ns) const {
  const auto queue_ns = static_cast<std::int64_t>(row_ns_ * static_cast<double>(queued_rows_) / options_.max_runs);
  const std::int64_t wait_ns = before_ns + queue_ns;
  if (wait_ns <= options_.max_wait_ns) return std::nullopt;
  return too_busy("a request would wait " + std::to_string(wait_ns / 1'000'000) + " ms");
}

void Batcher::note_arrival(std::int64_t now_ns) {
  if (last_arrival_ns_ != 0) mix(interval_ns_, static_cast<double>(now_ns - last_arrival_ns_));
  last_arrival_ns_ = now_ns;
}

void Batcher::submit(InferenceRequest request, RunOn where) {
  Waiting waiting = wrap(std::move(request));
  std::unique_lock lock(mutex_);
  note_arrival(waiting.since_ns);
  const bool free_run = counts_.running < options_.max_runs;
  if (free_run && where == RunOn::kHere && all_empty()) {
    ++counts_.running;
    lock.unlock();
    run_one(waiting, waiting.since_ns);
    hand_over();
    return;
  }
  if (std::optional<Error> refused = refusal(waiting)) {
    ++counts_.refused;
    lock.unlock();
    waiting.request.done(std::move(*refused));
    return;
  }
  ++counts_.queued;
  queued_rows_ += weight_of(waiting.rows);
  queued_bytes_ += waiting.bytes;
  queues_[static_cast<std::size_t>(waiting.request.priority)].push_back(std::move(waiting));
  if (free_run) ++counts_.running;
  lock.unlock();
  arrived_.notify_one();
  // Without a runner the request is done here: slower for this caller, but never lost.
  if (free_run && !runner_([this] { work(); })) work();
}

// ---- Running ----

void Batcher::hand_over() {
  {
    const std::lock_guard lock(mutex_);
    if (all_empty()) {
      --counts_.running;
      return;
    }
  }
  if (!runner_([this] { work(); })) work();
}

void Batcher::work() {
  std::int64_t turn_end_ns = clock_.now_ns() + kTurnNs;
  while (true) {
    Batch expired;
    std::unique_lock lock(mutex_);
    Batch batch = take(lock, expired);
    const bool last = batch.empty();
    if (last) --counts_.running;
    lock.unlock();
    for (Waiting& waiting : expired) waiting.request.done(past_deadline());
    if (!batch.empty()) run(std::move(batch));
    if (last) return;
    if (clock_.now_ns() < turn_end_ns) continue;
    // The run goes on behind whoever waits for a runner, with its place among this model's runs.
    if (runner_([this] { work(); })) return;
    turn_end_ns = clock_.now_ns() + kTurnNs;
  }
}

Batcher::Waiting Batcher::remove(std::deque<Waiting>& queue, std::deque<Waiting>::iterator& at) {
  Waiting waiting = std::move(*at);
  at = queue.erase(at);
  --counts_.queued;
  queued_rows_ -= weight_of(waiting.rows);
  queued_bytes_ -= waiting.bytes;
  return waiting;
}

void Batcher::drop_expired(std::int64_t now_ns, Batch& expired) {
  for (std::deque<Waiting>& queue : queues_) {
    for (auto at = queue.begin(); at != queue.end();) {
      if (at->request.deadline_ns >= now_ns) {
        ++at;
        continue;
      }
      expired.push_back(remove(queue, at));
      ++counts_.expired;
    }
  }
}

// The most urgent request, and those behind it that may run with it.
Batcher::Batch Batcher::take(std::unique_lock<std::mutex>& lock, Batch& expired) {
  if (max_rows_ > 1 && options_.max_delay_ns > 0) wait_for_more(lock);
  drop_expired(clock_.now_ns(), expired);
  Batch batch;
  std::int64_t rows = 0;
  std::size_t looked = 0;
  for (std::deque<Waiting>& queue : queues_) {
    for (auto at = queue.begin(); at != queue.end() && looked < kMaxLookAhead; ++looked) {
      const bool first = batch.empty();
      const bool joins = !first && at->rows > 0 && batch.front().rows > 0 && rows + at->rows <= max_rows_ &&
                         can_join(batch.front().request.inputs, at->request.inputs);
      if (!first && !joins) {
        ++at;
        continue;
      }
      rows += at->rows;
      batch.push_back(remove(queue, at));
      if (max_rows_ <= 1 || rows >= max_rows_) return batch;
    }
  }
  return batch;
}

std::int64_t Batcher::promised_delay_ns() const {
  if (interval_ns_ <= 0 || interval_ns_ > static_cast<double>(options_.max_delay_ns)) return 0;
  const auto missing = static_cast<double>(std::max<std::int64_t>(0, max_rows_ - queued_rows_));
  return std::min(options_.max_delay_ns, static_cast<std::int64_t>(missing * interval_ns_));
}

void Batcher::wait_for_more(std::unique_lock<std::mutex>& lock) {
  std::int64_t oldest = std::numeric_limits<std::int64_t>::max();
  for (const std::deque<Waiting>& queue : queues_) {
    if (!queue.empty()) oldest = std::min(oldest, queue.front().since_ns);
  }
  if (all_empty()) return;
  const std::int64_t left_ns = oldest + promised_delay_ns() - clock_.now_ns();
  if (left_ns <= 0) return;
  arrived_.wait_for(lock, std::chrono::nanoseconds(left_ns), [&] { return queued_rows_ >= max_rows_; });
}

Result<std::vector<Tensor>> Batcher::run_alone(std::span<const NamedTensor> inputs) {
  if (session_->concurrent()) return session_->run(inputs);
  const std::lock_guard lock(one_at_a_time_);
  return session_->run(inputs);
}

Result<std::vector<Tensor>> Batcher::timed_run(std::span<const NamedTensor> inputs, std::int64_t rows,
                                               std::int64_t start_ns, std::int64_t& compute_ns) {
  Result<std::vector<Tensor>> outputs = run_alone(inputs);
  compute_ns = clock_.now_ns() - start_ns;
  {
    const std::lock_guard lock(mutex_);
    ++counts_.runs;
    mix(row_ns_, static_cast<double>(compute_ns) / static_cast<double>(weight_of(rows)));
  }
  if (observer_) observer_(weight_of(rows), compute_ns, outputs.has_value());
  return outputs;
}

// Those whose inputs are not finite run alone: in a graph where rows meet only then (a scale, a largest value), no
// trial on good inputs has seen it.
void Batcher::run(Batch batch) {
  if (batch.size() == 1) return run_one(batch.front(), clock_.now_ns());
  Batch together;
  Batch apart;
  for (Waiting& waiting : batch) {
    const bool finite = std::ranges::all_of(waiting.request.inputs, is_finite, &NamedTensor::tensor);
    (finite ? together : apart).push_back(std::move(waiting));
  }
  if (together.size() <= 1 || !run_joined(together)) {
    for (Waiting& waiting : together) run_one(waiting, clock_.now_ns());
  }
  for (Waiting& waiting : apart) run_one(waiting, clock_.now_ns());
}

void Batcher::run_one(Waiting& waiting, std::int64_t now_ns) {
  if (waiting.request.deadline_ns < now_ns) {
    {
      const std::lock_guard lock(mutex_);
      ++counts_.expired;
    }
    waiting.request.done(past_deadline());
    return;
  }
  Inference answer;
  answer.queue_ns = now_ns - waiting.since_ns;
  answer.run_rows = weight_of(waiting.rows);
  Result<std::vector<Tensor>> outputs = timed_run(waiting.request.inputs, waiting.rows, now_ns, answer.compute_ns);
  if (!outputs) return waiting.request.done(std::move(outputs).error());
  answer.outputs = std::move(*outputs);
  waiting.request.done(std::move(answer));
}

namespace {

// One member's rows of every output; kInvalid where an output has other rows than went in.
Result<std::vector<Tensor>> rows_of(std::span<const Tensor> outputs, std::int64_t all, std::int64_t begin,
                                    std::int64_t count) {
  std::vector<Tensor> own;
  for (const Tensor& output : outputs) {
    if (output.shape().empty() || output.shape().front() != all) {
      return Error{Code::kInvalid, "an output of " + std::to_string(all) + " rows is " + describe(output)};
    }
    ASSIGN_OR_RETURN(Tensor part, slice_rows(output, begin, count));
    own.push_back(std::move(part));
  }
  return own;
}

}  // namespace

bool Batcher::run_joined(Batch& batch) {
  const std::int64_t start = clock_.now_ns();
  std::vector<std::span<const NamedTensor>> members;
  std::int64_t rows = 0;
  for (const Waiting& waiting : batch) {
    members.emplace_back(waiting.request.inputs);
    rows += waiting.rows;
  }
  std::int64_t compute_ns = 0;
  const Result<std::vector<NamedTensor>> inputs = concat_members(members);
  Result<std::vector<Tensor>> outputs = Error{Code::kInvalid, ""};
  if (inputs) outputs = timed_run(*inputs, rows, clock_.now_ns(), compute_ns);
  std::vector<std::vector<Tensor>> parts;
  std::int64_t begin = 0;
  for (const Waiting& waiting : batch) {
    if (!outputs) break;
    Result<std::vector<Tensor>> own = rows_of(*outputs, rows, begin, waiting.rows);
    if (!own) break;
    parts.push_back(std::move(*own));
    begin += waiting.rows;
  }
  const bool whole = parts.size() == batch.size();
  {
    const std::lock_guard lock(mutex_);
    ++(whole ? counts_.joined_runs : counts_.runs_apart);
  }
  if (!whole) return false;
  for (std::size_t i = 0; i < batch.size(); ++i)
    batch[i].request.done(Inference{std::move(parts[i]), 0, start - batch[i].since_ns, compute_ns, rows, false});
  return true;
}

// ---- What others ask ----

void Batcher::allow_rows(std::int64_t max_rows) {
  const std::lock_guard lock(mutex_);
  max_rows_ = std::max<std::int64_t>(1, max_rows);
}

std::int64_t Batcher::max_rows() const {
  const std::lock_guard lock(mutex_);
  return max_rows_;
}

bool Batcher::all_empty() const { return counts_.queued == 0; }

Status Batcher::check_wait(std::int64_t before_ns) const {
  const std::lock_guard lock(mutex_);
  std::optional<Error> refused = too_long(before_ns);
  return refused ? Status(std::move(*refused)) : Status();
}

std::int64_t Batcher::row_ns() const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::int64_t>(row_ns_);
}

BatcherCounts Batcher::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

}  // namespace arete::serve
