#include "serve/answer_cache.h"

#include <random>

namespace arete::serve {
namespace {

constexpr std::size_t kMaxWaitersAKey = 256;
constexpr std::size_t kEntryBytes = 512;  // of lists and maps, besides tensors

std::array<std::uint64_t, 2> random_secret() {
  std::random_device device;
  const auto word = [&] { return (std::uint64_t{device()} << 32U) | device(); };
  return {word(), word()};
}

std::size_t bytes_of(const Inference& answer) {
  std::size_t bytes = kEntryBytes;
  for (const Tensor& output : answer.outputs) {
    bytes += output.size_bytes();
    if (output.dtype() != DType::kString) continue;
    for (const std::string& text : output.strings()) bytes += text.size() + sizeof(std::string);
  }
  return bytes;
}

// An answer that shares nothing with the run it came from, which may have been of many rows.
Inference copied(const Inference& answer) {
  Inference copy;
  copy.from_cache = true;
  for (const Tensor& output : answer.outputs) {
    Tensor own = output;
    if (own.dtype() != DType::kString) static_cast<void>(own.mutable_bytes());
    copy.outputs.push_back(std::move(own));
  }
  return copy;
}

}  // namespace

AnswerCache::AnswerCache(const CacheOptions& options, const os::Clock& clock)
    : options_(options), clock_(clock), secret_(random_secret()) {}

Hash128 AnswerCache::key_of(std::uint64_t model, std::span<const NamedTensor> inputs) const {
  SipHash hash(secret_);
  hash.add_number(model);
  for (const NamedTensor& input : inputs) {
    const Tensor& tensor = input.tensor;
    hash.add_number(input.name.size()).add(input.name);
    hash.add_number(static_cast<std::uint64_t>(tensor.dtype())).add_number(tensor.shape().size());
    for (const std::int64_t size : tensor.shape()) hash.add_number(static_cast<std::uint64_t>(size));
    if (tensor.dtype() != DType::kString) {
      hash.add(tensor.bytes());
      continue;
    }
    for (const std::string& text : tensor.strings()) hash.add_number(text.size()).add(text);
  }
  return hash.finish();
}

AnswerCache::Outcome AnswerCache::ask(const Hash128& key, InferenceDone& done) {
  std::unique_lock lock(mutex_);
  if (const auto found = places_.find(key); found != places_.end()) {
    if (found->second->until_ns > clock_.now_ns()) {
      entries_.splice(entries_.begin(), entries_, found->second);
      Inference answer = found->second->answer;
      lock.unlock();
      done(std::move(answer));
      return Outcome::kHit;
    }
    drop(found->second);
  }
  const auto [at, first] = waiting_.try_emplace(key);
  if (first) return Outcome::kMiss;
  if (at->second.size() >= kMaxWaitersAKey) {
    lock.unlock();
    done(Error{Code::kUnavailable, "too many requests wait for the same answer; try again later"});
    return Outcome::kJoined;
  }
  at->second.push_back(std::move(done));
  return Outcome::kJoined;
}

void AnswerCache::settle(const Hash128& key, const Result<Inference>& answer) {
  std::vector<InferenceDone> waiting;
  std::optional<Inference> kept;
  if (answer) kept = copied(*answer);
  {
    const std::lock_guard lock(mutex_);
    const auto found = waiting_.find(key);
    if (found != waiting_.end()) {
      waiting = std::move(found->second);
      waiting_.erase(found);
    }
    const std::size_t size = kept ? bytes_of(*kept) : 0;
    if (kept && size <= options_.max_bytes && !places_.contains(key)) {
      while (bytes_ + size > options_.max_bytes) drop(std::prev(entries_.end()));
      entries_.push_front({key, *kept, size, clock_.now_ns() + options_.ttl_ns});
      places_[key] = entries_.begin();
      bytes_ += size;
    }
  }
  for (InferenceDone& done : waiting) {
    if (kept) {
      done(*kept);
    } else {
      done(answer.error());
    }
  }
}

void AnswerCache::drop(Entries::iterator at) {
  bytes_ -= at->bytes;
  places_.erase(at->key);
  entries_.erase(at);
}

std::size_t AnswerCache::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

std::size_t AnswerCache::entries() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

}  // namespace arete::serve
