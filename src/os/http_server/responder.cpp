#include "os/http_server/responder.h"

#include <atomic>

namespace arete::os {
namespace {

class FunctionSink final : public ReplySink {
 public:
  explicit FunctionSink(std::function<void(HttpResponse)> send) : send_(std::move(send)) {}
  void deliver(std::uint64_t, HttpResponse response) override {
    if (!answered_.exchange(true)) send_(std::move(response));
  }
  void abandon(std::uint64_t ticket) override {
    if (!answered_) deliver(ticket, no_answer());
  }

 private:
  const std::function<void(HttpResponse)> send_;
  std::atomic<bool> answered_{false};
};

}  // namespace

HttpResponse no_answer() { return error_response(Error{Code::kBug, "the request was dropped without an answer"}); }

Responder::Responder(std::function<void(HttpResponse)> send) : sink_(std::make_shared<FunctionSink>(std::move(send))) {}

Responder& Responder::operator=(Responder&& other) noexcept {
  if (this == &other) return *this;
  if (sink_) sink_->abandon(ticket_);
  sink_ = std::move(other.sink_);
  ticket_ = other.ticket_;
  return *this;
}

Responder::~Responder() {
  if (sink_) sink_->abandon(ticket_);
}

void Responder::operator()(HttpResponse response) {
  if (sink_) sink_->deliver(ticket_, std::move(response));
}

}  // namespace arete::os
