// Responder: the answer that a handler owes, as a thing that it may carry to another thread.
//
// A handler that takes one may answer at once or later; the connection waits without a thread. The connection may end
// before, and the server too: then the answer is dropped.
// Not for: streamed answers. Threads: any thread may answer; moving one belongs to one thread at a time.
// Ownership: shares its sink with the connection, never the connection itself.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "os/http_server/http_message.h"

namespace arete::os {

// Where answers go. A ticket names one request of a sink that serves many, one after another.
class ReplySink {
 public:
  virtual ~ReplySink() = default;
  // The first answer to a ticket counts; later ones, and those to tickets that are over, do nothing. Any thread.
  virtual void deliver(std::uint64_t ticket, HttpResponse response) = 0;
  // Nobody will answer this ticket any more.
  virtual void abandon(std::uint64_t ticket) = 0;
};

class Responder {
 public:
  Responder(std::shared_ptr<ReplySink> sink, std::uint64_t ticket) : sink_(std::move(sink)), ticket_(ticket) {}
  // Hands the first answer to a function, for tests and for who has no connection.
  explicit Responder(std::function<void(HttpResponse)> send);
  Responder(Responder&& other) noexcept = default;
  Responder& operator=(Responder&& other) noexcept;
  Responder(const Responder&) = delete;
  Responder& operator=(const Responder&) = delete;
  ~Responder();  // unanswered: a 500 is sent

  // The first call answers, later ones do nothing. Never blocks for long.
  void operator()(HttpResponse response);

 private:
  std::shared_ptr<ReplySink> sink_;
  std::uint64_t ticket_ = 0;
};

// What is sent in place of an answer that never came.
HttpResponse no_answer();

}  // namespace arete::os
