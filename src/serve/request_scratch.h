// RequestScratch: what reading a request needs for a moment and is dear to make, lent from request to request.
//
// Threads: any; two short locks a borrow. Limits: as many are kept as were ever used at once, one a thread that reads.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "media/image/to_tensor.h"
#include "serve/v2_json.h"

namespace arete::serve {

struct RequestScratch {
  media::ImageScratch image;
  V2Parser parser;
};

class ScratchPool {
 public:
  // Calls `use` with a scratch that nobody else has meanwhile.
  template <class Use>
  auto with(const Use& use) {
    std::unique_ptr<RequestScratch> scratch = take();
    auto result = use(*scratch);
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(scratch));
    return result;
  }

 private:
  std::unique_ptr<RequestScratch> take() {
    const std::lock_guard lock(mutex_);
    if (idle_.empty()) return std::make_unique<RequestScratch>();
    std::unique_ptr<RequestScratch> scratch = std::move(idle_.back());
    idle_.pop_back();
    return scratch;
  }

  std::mutex mutex_;
  std::vector<std::unique_ptr<RequestScratch>> idle_;
};

}  // namespace arete::serve
