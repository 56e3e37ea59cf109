// Later: responders that a test keeps and answers when it likes; wait_until: waits for what other threads do.
// Threads: any.
#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "os/http_server/route.h"

namespace arete::test {

inline bool wait_until(const std::function<bool()>& condition) {
  for (int i = 0; i < 1000 && !condition(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  return condition();
}

class Later {
 public:
  os::AsyncHandler handler() {
    return [this](os::HttpRequest request, os::Responder respond) {
      const std::lock_guard lock(mutex_);
      kept_.emplace_back(std::move(request), std::move(respond));
    };
  }
  bool wait_for(std::size_t count) {
    return wait_until([&] {
      const std::lock_guard lock(mutex_);
      return kept_.size() >= count;
    });
  }
  // The oldest request and its responder.
  std::pair<os::HttpRequest, os::Responder> take() {
    const std::lock_guard lock(mutex_);
    auto first = std::move(kept_.front());
    kept_.erase(kept_.begin());
    return first;
  }

 private:
  std::mutex mutex_;
  std::vector<std::pair<os::HttpRequest, os::Responder>> kept_;
};

inline os::HttpResponse text(std::string body) {
  os::HttpResponse response;
  response.content_type = "text/plain";
  response.body = std::move(body);
  return response;
}

}  // namespace arete::test
