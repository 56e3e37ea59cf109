#include "os/http_server/reply_slot.h"

#include <boost/asio/post.hpp>

namespace arete::os {

std::uint64_t ReplySlot::open() {
  const std::lock_guard lock(mutex_);
  answered_ = false;
  return ++ticket_;
}

void ReplySlot::detach() {
  const std::lock_guard lock(mutex_);
  connection_ = nullptr;
}

void ReplySlot::deliver(std::uint64_t ticket, HttpResponse response) {
  const std::lock_guard lock(mutex_);
  if (waits_for(ticket)) hand_over(std::move(response));
}

void ReplySlot::abandon(std::uint64_t ticket) {
  const std::lock_guard lock(mutex_);
  if (waits_for(ticket)) hand_over(no_answer());
}

// The lock is held, so that the loop cannot end meanwhile.
void ReplySlot::hand_over(HttpResponse response) {
  answered_ = true;
  if (loop_.context.get_executor().running_in_this_thread()) {
    connection_->take_answer(std::move(response));
    return;
  }
  response_ = std::move(response);
  asio::post(loop_.context, [self = shared_from_this(), ticket = ticket_] { self->arrive(ticket); });
}

void ReplySlot::arrive(std::uint64_t ticket) {
  const std::lock_guard lock(mutex_);
  if (connection_ != nullptr && ticket == ticket_) connection_->take_answer(std::move(response_));
}

}  // namespace arete::os
