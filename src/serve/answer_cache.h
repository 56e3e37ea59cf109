// AnswerCache: outputs of models by the content of their inputs, and the requests that wait for a like one.
//
// A key is a hash under a secret of this process, so that nobody can make two inputs meet. Entries belong to one
// opening of a model: a version that was loaded anew starts without any. The least used go first, and every one after
// its time.
// Threads: any; a short lock a call, `done` is never called under it. Limits: bytes of tensors, entries, waiters a key.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/siphash.h"
#include "core/tensor.h"
#include "os/base/machine.h"
#include "serve/batcher.h"

namespace arete::serve {

struct CacheOptions {
  std::size_t max_bytes = 0;  // of inputs' hashes and outputs; 0: no cache
  std::int64_t ttl_ns = 60'000'000'000;
};

class AnswerCache {
 public:
  enum class Outcome : std::uint8_t {
    kHit,     // `done` was called
    kJoined,  // `done` will be called with the answer of a like request that is under way
    kMiss,    // the caller asks the model and then says settle()
  };

  AnswerCache(const CacheOptions& options, const os::Clock& clock);

  bool is_on() const { return options_.max_bytes > 0; }
  // `model` tells openings of models apart.
  Hash128 key_of(std::uint64_t model, std::span<const NamedTensor> inputs) const;

  // Takes `done` unless it is a miss.
  Outcome ask(const Hash128& key, InferenceDone& done);
  // The answer of who missed: kept when it is one, and handed to all that joined.
  void settle(const Hash128& key, const Result<Inference>& answer);

  std::size_t bytes() const;
  std::size_t entries() const;

 private:
  struct Entry {
    Hash128 key;
    Inference answer;
    std::size_t bytes = 0;
    std::int64_t until_ns = 0;
  };
  using Entries = std::list<Entry>;  // most lately used first

  void drop(Entries::iterator at);

  const CacheOptions options_;
  const os::Clock& clock_;
  const std::array<std::uint64_t, 2> secret_;

  mutable std::mutex mutex_;
  Entries entries_;
  std::map<Hash128, Entries::iterator> places_;
  std::map<Hash128, std::vector<InferenceDone>> waiting_;  // by the key of a request under way
  std::size_t bytes_ = 0;
};

}  // namespace arete::serve
