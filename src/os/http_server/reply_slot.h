// ReplySlot: where the answers to one connection's requests arrive, from any thread and perhaps too late.
//
// Private to this room. The slot may outlive the connection, its loop and the server; the connection leaves it before.
// Threads: open and detach on the loop's thread, deliver and abandon on any.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>

#include "os/http_server/connection.h"

namespace arete::os {

class ReplySlot final : public ReplySink, public std::enable_shared_from_this<ReplySlot> {
 public:
  ReplySlot(Connection& connection, Loop& loop) : connection_(&connection), loop_(loop) {}

  // Begins to wait for the answer to another request.
  std::uint64_t open();
  // Answers go nowhere from now on.
  void detach();
  void deliver(std::uint64_t ticket, HttpResponse response) override;
  void abandon(std::uint64_t ticket) override;

 private:
  bool waits_for(std::uint64_t ticket) const { return connection_ != nullptr && ticket == ticket_ && !answered_; }
  void hand_over(HttpResponse response);
  void arrive(std::uint64_t ticket);

  std::mutex mutex_;
  Connection* connection_;
  Loop& loop_;  // there as long as connection_ is
  std::uint64_t ticket_ = 0;
  bool answered_ = true;
  HttpResponse response_;  // on its way to the loop's thread
};

}  // namespace arete::os
