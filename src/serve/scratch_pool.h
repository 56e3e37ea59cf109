// ScratchPool: memory for decoding images that goes from request to request.
//
// Threads: any; one lock a borrow. Limits: as many as were ever used at once, one a thread that decodes.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "media/image/to_tensor.h"

namespace arete::serve {

class ScratchPool {
 public:
  // Calls `use` with a scratch that nobody else has meanwhile.
  template <class Use>
  auto with(const Use& use) {
    std::unique_ptr<media::ImageScratch> scratch = take();
    auto result = use(*scratch);
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(scratch));
    return result;
  }

 private:
  std::unique_ptr<media::ImageScratch> take() {
    const std::lock_guard lock(mutex_);
    if (idle_.empty()) return std::make_unique<media::ImageScratch>();
    std::unique_ptr<media::ImageScratch> scratch = std::move(idle_.back());
    idle_.pop_back();
    return scratch;
  }

  std::mutex mutex_;
  std::vector<std::unique_ptr<media::ImageScratch>> idle_;
};

}  // namespace arete::serve
