// Connection: one client's requests, one after another, on the thread of its loop; and what connections share.
//
// Private to this room: holds Boost.Asio's types. Threads: everything of a connection happens on its loop's thread;
// ServerState is shared by all. Ownership: a connection owns itself (serve() keeps it until it ends); loops know it.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>

#include "os/http_server/access.h"
#include "os/http_server/http_server.h"
#include "os/http_server/rate_limit.h"
#include "os/http_server/request_parser.h"
#include "os/http_server/worker_pool.h"

namespace arete::os {

namespace asio = boost::asio;
using Ticks = std::chrono::steady_clock;
// The executor is fixed, so that nothing is looked up at run time: one thread a loop, no strands.
using Executor = asio::io_context::executor_type;
using Socket = asio::basic_stream_socket<asio::generic::stream_protocol, Executor>;  // TCP or Unix
using TlsStream = asio::ssl::stream<Socket&>;
using Timer = asio::basic_waitable_timer<Ticks, asio::wait_traits<Ticks>, Executor>;
template <class T>
using Task = asio::awaitable<T, Executor>;
inline constexpr auto kAwait = asio::as_tuple(asio::use_awaitable_t<Executor>{});

inline constexpr std::size_t kMaxReadBuffer = 65536;  // bytes a connection holds unparsed
inline constexpr Ticks::time_point kNever = Ticks::time_point::max();

// What all threads share.
struct ServerState {
  ServerState(const HttpServerOptions& given, std::vector<Route> rows);

  // What new connections show; nullptr: the server speaks plain HTTP.
  std::shared_ptr<const TlsIdentity> tls() const;
  void set_tls(TlsIdentity identity);

  const HttpServerOptions options;
  const AccessRules access;
  const std::vector<Route> routes;
  RateLimiter limiter;
  std::atomic<std::size_t> connections{0};
  std::atomic<std::size_t> buffered_bytes{0};
  std::atomic<bool> draining{false};  // answers close their connection
  std::atomic<bool> forced{false};    // connections are cut, waiting requests are dropped
  std::optional<WorkerPool> workers;  // gone when the server has stopped

 private:
  mutable std::mutex tls_mutex_;
  std::shared_ptr<const TlsIdentity> tls_;
};

// The part of ServerState::buffered_bytes that one connection holds.
class BufferedBytes {
 public:
  explicit BufferedBytes(ServerState& state) : state_(state) {}
  ~BufferedBytes() { set(0); }
  BufferedBytes(const BufferedBytes&) = delete;
  BufferedBytes& operator=(const BufferedBytes&) = delete;

  // False when all connections together are over the limit now.
  bool set(std::size_t bytes);

 private:
  ServerState& state_;
  std::size_t held_ = 0;
};

// Makes request ids that no other loop and no other run of the server makes.
class RequestIds {
 public:
  RequestIds();
  // 15 bytes, which a std::string holds without memory of its own.
  void next(std::string& into);

 private:
  std::string prefix_;
  std::uint64_t count_ = 0;
};

class Connection;

// One I/O thread with its connections. All members but `context` belong to that thread.
struct Loop {
  std::unordered_set<Connection*> connections;
  asio::io_context context{1};
  asio::executor_work_guard<Executor> guard{context.get_executor()};
  Timer sweep_timer{context};
  bool sweeping = false;
  RequestIds ids;
  std::thread thread;

  void arm_sweep();
  void sweep();
};

class ReplySlot;

// Coroutines here take and return only plain values, and what is larger stands in a member: g++ 12
// destroys some temporaries of a co_await expression twice (ASan showed it on a `? :` argument), and a `break` behind
// `if (!co_await ...)` lands nowhere (an illegal instruction).
class Connection {
 public:
  // `peer` as HttpRequest says it. A rejected connection gets its 503 and ends.
  Connection(ServerState& state, Loop& loop, Socket socket, std::string peer, bool rejected);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  Task<void> run();
  // Called by the loop from time to time, and when the server stops.
  void check_time(Ticks::time_point now);
  void begin_drain();
  void cut();
  // The answer to the request at hand, by its slot, on this thread.
  void take_answer(HttpResponse response);

 private:
  // What is said of an exchange after its request was handed on.
  struct Notes {
    std::string id;
    std::string method;
    std::string target;
    std::string client;
    const Route* route = nullptr;
    std::uint64_t bytes_in = 0;
  };

  Task<bool> begin_tls();                    // false: the client cannot
  Task<bool> exchange();                     // one request and its answer; false: the last
  Task<bool> wait_for_request();             // false: the client left or was idle too long
  Task<bool> read_some(std::size_t wanted);  // false: nothing came, see expired_
  // The rest of a head, of which parse() said `state`; false: answered or gone.
  Task<bool> read_head(RequestParser::State state);
  Task<bool> read_body(const Route& route);  // false: answered or gone
  Task<bool> say_continue();
  Task<bool> wait_for_answer();       // false: the connection was cut
  Task<bool> write(bool keep_alive);  // response_
  Task<void> flush();                 // what of out_ the system did not take at once
  Task<bool> refuse();                // response_, perhaps before the request was read
  Task<void> reject();
  Task<void> end();  // of the connection

  void begin_exchange();
  RequestParser::State parse(bool head_only);
  bool take_body(const Route& route, RequestParser::State state);  // false: response_ holds the refusal
  HttpResponse cut_short() const;
  // Matches the head and notes what it says; false: response_ holds the refusal.
  bool admit();
  void note_request();
  std::optional<HttpResponse> check_caller(Scope scope);
  bool shows_tls();
  // True when response_ is there.
  bool handle(const Route& route);
  void start_work(const Route& route, Responder respond);
  void lay_out_answer(bool keep_alive);
  void write_now();
  void end_exchange();
  void limit_time(std::chrono::milliseconds limit);
  std::chrono::milliseconds transfer_time(std::size_t bytes) const;

  ServerState& state_;
  Loop& loop_;
  Socket socket_;
  std::unique_ptr<TlsStream> tls_;
  const std::string peer_;
  std::string certificate_name_;
  Timer wake_;  // is cancelled when response_ is there
  BufferedBytes budget_;
  boost::beast::flat_buffer buffer_{kMaxReadBuffer};
  RequestParser parser_;
  std::shared_ptr<ReplySlot> slot_;  // made with the first request that is answered elsewhere
  LastTarget last_target_;
  HttpRequest request_;
  HttpResponse response_;
  Notes notes_;
  std::string head_;  // of the answer
  std::array<asio::const_buffer, 2> out_;
  std::size_t written_ = 0;
  boost::system::error_code write_failure_;
  Ticks::time_point began_;  // when the first byte of the request was there
  Ticks::time_point deadline_ = kNever;
  bool secure_ = false;    // tls_ has shaken hands
  bool expired_ = false;   // the time limit ran out, so the operation was cancelled
  bool idle_ = false;      // between two requests
  bool parsing_ = false;   // a request has begun
  bool answered_ = false;  // by the slot
  bool waiting_ = false;   // for the slot
  bool cut_ = false;
  bool lingers_ = false;  // bytes may be on their way that nobody will read
  const bool rejected_;
};

// Runs a connection to its end.
Task<void> serve(std::unique_ptr<Connection> connection);

}  // namespace arete::os
