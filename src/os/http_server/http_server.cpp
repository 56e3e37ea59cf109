#include "os/http_server/http_server.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <exception>
#include <thread>
#include <unordered_set>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "core/check.h"
#include "os/http_server/port_owner.h"
#include "os/http_server/worker_pool.h"

namespace arete::os {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using tcp = asio::ip::tcp;
using Ticks = std::chrono::steady_clock;
using std::chrono::milliseconds;

// Everything of a connection happens on the one thread of its loop, so these need no strands.
using Executor = asio::io_context::executor_type;
using Socket = asio::basic_stream_socket<tcp, Executor>;
using Acceptor = asio::basic_socket_acceptor<tcp, Executor>;
using Timer = asio::basic_waitable_timer<Ticks, asio::wait_traits<Ticks>, Executor>;
template <class T>
using Task = asio::awaitable<T, Executor>;
constexpr auto kAwait = asio::as_tuple(asio::use_awaitable_t<Executor>{});

constexpr std::size_t kSmallAnswerBytes = 65536;
constexpr std::size_t kMaxReadBuffer = 65536;  // bytes a connection holds unparsed
constexpr std::size_t kHeadReadBytes = 4096;   // asked of the system while a head is awaited
constexpr std::size_t kMaxRejecting = 64;      // connections over the limit that still get their 503
constexpr milliseconds kSweepInterval{100};    // how exactly time limits are kept
constexpr milliseconds kLinger{3000};          // for a client to read an early answer
constexpr milliseconds kStopIdle{250};         // for requests on their way when the server stops
constexpr milliseconds kAcceptPause{100};      // after the system had no file descriptor left
constexpr Ticks::time_point kNever = Ticks::time_point::max();

// ---- Bytes to requests: no sockets here ----

using Parser = http::request_parser<http::string_body>;

void set_limits(Parser& parser, const HttpServerOptions& options) {
  parser.header_limit(static_cast<std::uint32_t>(options.max_header_bytes));
  parser.body_limit(boost::none);  // the route's limit is checked by too_long()
  parser.eager(false);             // stop behind the head: the route decides about the body
}

// Parses what the buffer holds, up to the end of the head or of the message. No error: that end
// was reached. need_more: more bytes are wanted.
error_code feed(Parser& parser, beast::flat_buffer& buffer, bool head_only) {
  error_code failure;
  const auto done = [&] { return head_only ? parser.is_header_done() : parser.is_done(); };
  while (!failure && !done()) {
    if (buffer.size() == 0) return http::make_error_code(http::error::need_more);
    buffer.consume(parser.put(buffer.data(), failure));
  }
  return failure;
}

bool wants_more(const error_code& failure) { return failure == http::error::need_more; }

HttpResponse parse_refusal(const error_code& failure) {
  if (failure == http::error::header_limit || failure == http::error::buffer_overflow) {
    return error_response(431, "the request's header lines are too long");
  }
  return error_response(400, "this is no HTTP/1.1 request: " + failure.message());
}

HttpResponse unavailable(const std::string& why) {
  return error_response(Error{Code::kUnavailable, why + "; try again"});
}

// The rules of RFC 9112 that the parser leaves to us: one Host, and no coding but chunked.
std::optional<HttpResponse> check_framing(const http::fields& fields, unsigned version) {
  const std::size_t hosts = fields.count(http::field::host);
  if (hosts > 1 || (hosts == 0 && version >= 11)) {
    return error_response(400, "the request must have one Host header");
  }
  const auto coding = fields.find(http::field::transfer_encoding);
  if (coding == fields.end()) return std::nullopt;
  if (version < 11) return error_response(400, "HTTP/1.0 has no Transfer-Encoding");
  if (!beast::iequals(coding->value(), "chunked")) {
    return error_response(501, "the only Transfer-Encoding that works here is chunked");
  }
  return std::nullopt;
}

std::optional<HttpResponse> read_target(std::string_view target, HttpRequest& into) {
  if (target.size() > kMaxTargetBytes) return error_response(414, "the request target is too long");
  if (const Status status = parse_target(target, into); !status) return error_response(400, status.error().message);
  return std::nullopt;
}

// A parsed head: who answers it, or why nobody does.
struct Head {
  const Route* route = nullptr;
  HttpRequest request;
  std::optional<HttpResponse> refusal;
  bool wants_continue = false;
};

bool too_long(const Parser& parser, const Route& route) {
  return std::max<std::uint64_t>(parser.content_length().value_or(0), parser.get().body().size()) >
         route.body_limit_bytes;
}

std::optional<HttpResponse> refuse_body(const Parser& parser, const Route& route, Head& head) {
  if (too_long(parser, route)) return too_large(route);
  const std::string_view expect = head.request.headers.get("Expect");
  if (expect.empty()) return std::nullopt;
  if (!same_ignoring_case(expect, "100-continue"))
    return error_response(417, "the only Expect that works here is 100-continue");
  head.wants_continue = parser.get().version() >= 11 && !parser.is_done();
  return std::nullopt;
}

Head read_head(const Parser& parser, std::span<const Route> routes) {
  const auto& message = parser.get();
  Head head;
  head.request.method = std::string(message.method_string());
  for (const auto& field : message) {
    head.request.headers.add(std::string(field.name_string()), std::string(field.value()));
  }
  const std::string_view target(message.target().data(), message.target().size());
  head.refusal = check_framing(message, message.version());
  if (!head.refusal) head.refusal = read_target(target, head.request);
  if (head.refusal) return head;
  RouteMatch match = match_route(routes, head.request.method, head.request.path);
  if (match.route == nullptr) {
    head.refusal = std::move(match.refusal);
    return head;
  }
  head.route = match.route;
  head.refusal = refuse_body(parser, *match.route, head);
  return head;
}

// ---- What all threads share ----

struct Shared {
  Shared(const HttpServerOptions& given, std::vector<Route> rows)
      : options(given), routes(std::move(rows)), workers(given.handler_threads, given.max_queued_requests) {}

  const HttpServerOptions options;
  const std::vector<Route> routes;
  std::atomic<std::size_t> connections{0};
  std::atomic<std::size_t> buffered_bytes{0};
  std::atomic<bool> draining{false};  // answers close their connection
  std::atomic<bool> forced{false};    // connections are cut, waiting requests are dropped
  WorkerPool workers;
};

// The part of Shared::buffered_bytes that one connection holds.
class BufferedBytes {
 public:
  explicit BufferedBytes(Shared& shared) : shared_(shared) {}
  ~BufferedBytes() { set(0); }
  BufferedBytes(const BufferedBytes&) = delete;
  BufferedBytes& operator=(const BufferedBytes&) = delete;

  // False when all connections together are over the limit now.
  bool set(std::size_t bytes) {
    const std::size_t before = shared_.buffered_bytes.fetch_add(bytes - held_);
    const std::size_t after = before + (bytes - held_);
    held_ = bytes;
    return after <= shared_.options.max_buffered_bytes;
  }

 private:
  Shared& shared_;
  std::size_t held_ = 0;
};

class Connection;

// One I/O thread with its connections. All members but `context` belong to that thread.
struct Loop {
  std::unordered_set<Connection*> connections;
  asio::io_context context{1};
  asio::executor_work_guard<Executor> guard{context.get_executor()};
  Timer sweep_timer{context};
  bool sweeping = false;
  std::thread thread;

  void arm_sweep();
  void sweep();
};

// ---- One connection ----

// Coroutines here take and return only plain values, and what is larger stands in a member: g++ 12
// destroys some temporaries of a co_await expression twice (ASan showed it on a `? :` argument).
class Connection {
 public:
  Connection(Shared& shared, Loop& loop, Socket socket, bool rejected)
      : shared_(shared),
        loop_(loop),
        socket_(std::move(socket)),
        wake_(loop.context),
        budget_(shared),
        rejected_(rejected) {
    ++shared_.connections;
  }
  ~Connection() {
    loop_.connections.erase(this);
    --shared_.connections;
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  Task<void> run();
  // Called by the loop from time to time, and when the server stops.
  void check_time(Ticks::time_point now);
  void begin_drain();
  void cut();

 private:
  Task<bool> exchange();                     // one request and its answer; false: the last
  Task<bool> wait_for_request();             // false: the client left or was idle too long
  Task<bool> read_some(std::size_t wanted);  // false: nothing came, see expired_
  Task<bool> read_message(bool head_only);   // false: answered or gone
  Task<bool> read_body(const Route& route, bool wants_continue);
  Task<void> handle(const Route& route);
  Task<bool> write(bool keep_alive);  // response_
  Task<bool> refuse();                // response_, perhaps before the request was read
  Task<void> linger();

  void limit_time(milliseconds limit) {
    expired_ = false;
    deadline_ = Ticks::now() + limit;
  }
  milliseconds transfer_time(std::size_t bytes) const {
    const auto rate = static_cast<std::size_t>(std::max(1, shared_.options.min_bytes_per_second));
    return milliseconds(shared_.options.request_timeout_ms + static_cast<std::int64_t>(bytes / rate * 1000));
  }

  Shared& shared_;
  Loop& loop_;
  Socket socket_;
  Timer wake_;  // a worker cancels it when response_ is there
  BufferedBytes budget_;
  beast::flat_buffer buffer_{kMaxReadBuffer};
  std::optional<Parser> parser_;
  HttpRequest request_;
  HttpResponse response_;
  Ticks::time_point began_;  // when the first byte of the request was there
  Ticks::time_point deadline_ = kNever;
  bool expired_ = false;  // the time limit ran out, so the operation was cancelled
  bool idle_ = false;     // between two requests
  bool lingers_ = false;  // bytes may be on their way that nobody will read
  const bool rejected_;
};

void Loop::arm_sweep() {
  if (sweeping || connections.empty()) return;
  sweeping = true;
  sweep_timer.expires_after(kSweepInterval);
  sweep_timer.async_wait([this](const error_code&) {
    sweeping = false;
    sweep();
    arm_sweep();
  });
}

void Loop::sweep() {
  const Ticks::time_point now = Ticks::now();
  for (Connection* connection : connections) connection->check_time(now);
}

void Connection::check_time(Ticks::time_point now) {
  if (now < deadline_) return;
  // The limit stays: an operation that was just completing misses this and is caught by the next sweep.
  expired_ = true;
  error_code ignored;
  socket_.cancel(ignored);
}

void Connection::begin_drain() {
  if (idle_) deadline_ = std::min(deadline_, Ticks::now() + kStopIdle);
}

void Connection::cut() {
  error_code ignored;
  socket_.close(ignored);
}

Task<void> Connection::run() {
  loop_.connections.insert(this);
  loop_.arm_sweep();
  error_code ignored;
  socket_.set_option(tcp::no_delay(true), ignored);
  if (rejected_) {
    response_ = unavailable("too many connections");
    co_await refuse();
  } else {
    while (co_await exchange()) {
    }
  }
  budget_.set(0);
  if (lingers_) co_await linger();
}

Task<bool> Connection::exchange() {
  request_ = {};
  budget_.set(0);
  parser_.emplace();
  set_limits(*parser_, shared_.options);
  if (buffer_.size() == 0 && !co_await wait_for_request()) co_return false;
  began_ = Ticks::now();
  limit_time(milliseconds(shared_.options.request_timeout_ms));
  if (!co_await read_message(true)) co_return false;
  Head head = read_head(*parser_, shared_.routes);
  request_ = std::move(head.request);
  if (head.refusal) {
    response_ = std::move(*head.refusal);
    co_return co_await refuse();
  }
  if (!co_await read_body(*head.route, head.wants_continue)) co_return false;
  co_await handle(*head.route);
  co_return co_await write(parser_->keep_alive());
}

Task<bool> Connection::wait_for_request() {
  if (buffer_.capacity() > 2 * kHeadReadBytes) buffer_ = beast::flat_buffer(kMaxReadBuffer);
  idle_ = true;
  limit_time(shared_.draining ? kStopIdle : milliseconds(shared_.options.idle_timeout_ms));
  const bool came = co_await read_some(kHeadReadBytes);
  idle_ = false;
  co_return came;
}

Task<bool> Connection::read_some(std::size_t wanted) {
  const std::size_t room = buffer_.max_size() - buffer_.size();
  const auto [failure, bytes] = co_await socket_.async_read_some(buffer_.prepare(std::min(room, wanted)), kAwait);
  buffer_.commit(bytes);
  co_return !failure;
}

Task<bool> Connection::read_message(bool head_only) {
  error_code failure = feed(*parser_, buffer_, head_only);
  while (wants_more(failure)) {
    if (buffer_.size() == buffer_.max_size()) failure = http::make_error_code(http::error::buffer_overflow);
    if (!wants_more(failure)) break;
    if (!co_await read_some(head_only ? kHeadReadBytes : kMaxReadBuffer)) {
      response_ = expired_ ? error_response(408, "the request came too slowly")
                           : error_response(400, "the request ends in its middle");
      co_await refuse();
      co_return false;
    }
    failure = feed(*parser_, buffer_, head_only);
    if (!head_only) break;
  }
  if (!failure || wants_more(failure)) co_return true;
  response_ = parse_refusal(failure);
  co_await refuse();
  co_return false;
}

Task<bool> Connection::read_body(const Route& route, bool wants_continue) {
  if (wants_continue && buffer_.size() == 0) {
    static constexpr std::string_view kGoOn = "HTTP/1.1 100 Continue\r\n\r\n";
    const auto [failure, bytes] = co_await asio::async_write(socket_, asio::buffer(kGoOn), kAwait);
    if (failure) co_return false;
  }
  while (!parser_->is_done()) {
    expired_ = false;
    deadline_ = began_ + transfer_time(parser_->get().body().size());
    if (!co_await read_message(false)) co_return false;
    const bool fits = !too_long(*parser_, route);
    if (fits && budget_.set(parser_->get().body().size())) continue;
    response_ = fits ? unavailable("too many uploads at once") : too_large(route);
    co_await refuse();
    co_return false;
  }
  request_.body = std::move(parser_->get().body());
  co_return true;
}

Task<void> Connection::handle(const Route& route) {
  deadline_ = kNever;
  if (route.runs_on == RunsOn::kInline) {
    response_ = run_handler(route, request_);
    co_return;
  }
  wake_.expires_at(kNever);
  const bool taken = shared_.workers.try_run([this, &route] {
    response_ = shared_.forced ? error_response(503, "the server is stopping") : run_handler(route, request_);
    asio::post(loop_.context, [this] { wake_.cancel(); });
  });
  if (taken) {
    co_await wake_.async_wait(kAwait);
  } else {
    response_ = unavailable("too many requests wait already");
  }
}

Task<bool> Connection::write(bool keep_alive) {
  keep_alive = keep_alive && !shared_.draining;
  // The request is done with; what waits to be read counts in its place. Small answers (health, refusals) always go
  // out.
  if (!budget_.set(response_.body.size()) && response_.body.size() > kSmallAnswerBytes) {
    response_ = unavailable("too many large answers wait to be read");
    budget_.set(response_.body.size());
  }
  const HttpResponse response = std::move(response_);
  const std::string head = render_head(response, keep_alive);
  const bool with_body = request_.method != "HEAD";
  const std::array<asio::const_buffer, 2> bytes = {asio::buffer(head),
                                                   with_body ? asio::buffer(response.body) : asio::const_buffer()};
  limit_time(transfer_time(response.body.size()));
  const auto [failure, written] = co_await asio::async_write(socket_, bytes, kAwait);
  if (!failure) {
    lingers_ = lingers_ || (!keep_alive && buffer_.size() > 0);
    co_return keep_alive;
  }
  // Nobody reads: reset, so that the system drops what it still holds for this client.
  error_code ignored;
  socket_.set_option(asio::socket_base::linger(true, 0), ignored);
  lingers_ = false;
  co_return false;
}

Task<bool> Connection::refuse() {
  const bool whole = parser_ && parser_->is_done();
  lingers_ = !whole;
  co_return co_await write(whole && parser_->keep_alive());
}

// A close with unread bytes resets the connection, and the client would lose the answer. So:
// say that we are done, and read on for a while.
Task<void> Connection::linger() {
  error_code ignored;
  socket_.shutdown(tcp::socket::shutdown_send, ignored);
  limit_time(kLinger);
  buffer_.clear();
  while (co_await read_some(kMaxReadBuffer)) buffer_.clear();
}

Task<void> serve(std::unique_ptr<Connection> connection) { co_await connection->run(); }

// ---- Listening ----

Error bind_error(const error_code& failure, const HttpServerOptions& options) {
  const std::string where = options.host + ":" + std::to_string(options.port);
  if (failure == asio::error::address_in_use) {
    return {Code::kConflict, "port " + std::to_string(options.port) + " on " + options.host + " is in use by " +
                                 describe_port_owner(options.port) + "; stop it, or choose another port"};
  }
  if (failure == asio::error::access_denied) {
    return {Code::kIo, "this user may not listen on " + where + "; choose a port above 1023"};
  }
  if (failure == boost::system::errc::address_not_available) {
    return {Code::kInvalid, options.host +
                                " is not an address of this machine; 127.0.0.1 is this machine "
                                "alone, 0.0.0.0 all its addresses"};
  }
  return {Code::kIo, "cannot listen on " + where + ": " + failure.message()};
}

Result<tcp::endpoint> find_endpoint(asio::io_context& context, const HttpServerOptions& options) {
  std::string host = options.host;
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  if (host.empty())
    return Error{Code::kInvalid, "the host to listen on is empty; 0.0.0.0 means all addresses of this machine"};
  error_code failure;
  tcp::resolver resolver(context);
  const auto found = resolver.resolve(host, std::to_string(options.port),
                                      tcp::resolver::passive | tcp::resolver::numeric_service, failure);
  if (failure || found.empty()) {
    return Error{Code::kNotFound, "the host name '" + options.host + "' is not known: " + failure.message()};
  }
  // "localhost" names two addresses: people and scripts then mean the IPv4 one.
  for (const auto& entry : found) {
    if (entry.endpoint().address().is_v4()) return entry.endpoint();
  }
  return found.begin()->endpoint();
}

Status listen_on(Acceptor& acceptor, const HttpServerOptions& options, asio::io_context& context) {
  ASSIGN_OR_RETURN(const tcp::endpoint endpoint, find_endpoint(context, options));
  error_code failure;
  acceptor.open(endpoint.protocol(), failure);
  if (!failure) acceptor.set_option(asio::socket_base::reuse_address(true), failure);
  if (!failure && endpoint.address().is_v6()) acceptor.set_option(asio::ip::v6_only(false), failure);
  if (!failure) acceptor.bind(endpoint, failure);
  if (!failure) acceptor.listen(asio::socket_base::max_listen_connections, failure);
  if (failure) return bind_error(failure, options);
  return {};
}

class BeastServer final : public HttpServer {
 public:
  BeastServer(const HttpServerOptions& options, std::vector<Route> routes) : shared_(options, std::move(routes)) {
    for (int i = 0; i < std::max(1, options.io_threads); ++i) loops_.push_back(std::make_unique<Loop>());
    acceptor_.emplace(loops_.front()->context);
  }
  ~BeastServer() override { stop(0); }

  Status open();
  std::uint16_t port() const override { return port_; }
  std::string url() const override { return url_; }
  void stop(int grace_ms) override;

 private:
  Task<void> accept();
  void take(Loop& loop, Socket socket);
  void close_acceptor();
  void wait_for_connections(milliseconds limit) const;
  Loop& next_loop() { return *loops_[next_++ % loops_.size()]; }

  Shared shared_;
  std::vector<std::unique_ptr<Loop>> loops_;
  std::optional<Acceptor> acceptor_;  // belongs to the first loop
  std::size_t next_ = 0;
  std::uint16_t port_ = 0;
  std::string url_;
  bool stopped_ = false;
};

Status BeastServer::open() {
  RETURN_IF_ERROR(listen_on(*acceptor_, shared_.options, loops_.front()->context));
  error_code failure;
  const tcp::endpoint bound = acceptor_->local_endpoint(failure);
  port_ = bound.port();
  const std::string host = bound.address().to_string(failure);
  url_ = "http://" + (bound.address().is_v6() ? "[" + host + "]" : host) + ":" + std::to_string(port_);
  asio::co_spawn(loops_.front()->context, accept(), asio::detached);
  for (const auto& loop : loops_) loop->thread = std::thread([&context = loop->context] { context.run(); });
  return {};
}

Task<void> BeastServer::accept() {
  Timer pause(loops_.front()->context);
  while (acceptor_->is_open()) {
    Loop& loop = next_loop();
    auto [failure, socket] = co_await acceptor_->async_accept(loop.context, kAwait);
    if (failure == asio::error::operation_aborted) co_return;
    if (!failure) {
      take(loop, std::move(socket));
      continue;
    }
    pause.expires_after(kAcceptPause);
    co_await pause.async_wait(kAwait);
  }
}

void BeastServer::take(Loop& loop, Socket socket) {
  const std::size_t have = shared_.connections;
  const std::size_t limit = shared_.options.max_connections;
  if (have >= limit + kMaxRejecting) return;  // closes the socket
  asio::co_spawn(loop.context, serve(std::make_unique<Connection>(shared_, loop, std::move(socket), have >= limit)),
                 asio::detached);
}

// Connections that the system has accepted for us already are served, not reset.
void BeastServer::close_acceptor() {
  error_code failure;
  acceptor_->non_blocking(true, failure);
  while (!failure) {
    Loop& loop = next_loop();
    Socket socket(loop.context);
    acceptor_->accept(socket, failure);
    if (!failure) take(loop, std::move(socket));
  }
  acceptor_->close(failure);
}

void BeastServer::wait_for_connections(milliseconds limit) const {
  const Ticks::time_point end = Ticks::now() + limit;
  while (shared_.connections > 0 && Ticks::now() < end) std::this_thread::sleep_for(milliseconds(2));
}

void BeastServer::stop(int grace_ms) {
  if (stopped_) return;
  stopped_ = true;
  if (!loops_.front()->thread.joinable()) return;  // open() failed: nothing runs
  shared_.draining = true;
  asio::post(loops_.front()->context, [this] { close_acceptor(); });
  for (const auto& loop : loops_) {
    asio::post(loop->context, [loop = loop.get()] {
      for (Connection* connection : loop->connections) connection->begin_drain();
    });
  }
  wait_for_connections(milliseconds(grace_ms));
  shared_.forced = true;
  for (const auto& loop : loops_) {
    asio::post(loop->context, [loop = loop.get()] {
      for (Connection* connection : loop->connections) connection->cut();
      loop->sweep_timer.cancel();
      loop->guard.reset();
    });
  }
  for (const auto& loop : loops_) loop->thread.join();
}

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::start(const HttpServerOptions& options, std::vector<Route> routes) {
  try {
    auto server = std::make_unique<BeastServer>(options, std::move(routes));
    RETURN_IF_ERROR(server->open());
    return std::unique_ptr<HttpServer>(std::move(server));
  } catch (const std::exception& failure) {
    return Error{Code::kIo, std::string("cannot start the server: ") + failure.what()};
  }
}

ParsedBytes parse_http_bytes(std::string_view bytes, const HttpServerOptions& options, std::span<const Route> routes) {
  ParsedBytes parsed;
  Parser parser;
  set_limits(parser, options);
  beast::flat_buffer buffer;
  buffer.commit(asio::buffer_copy(buffer.prepare(bytes.size()), asio::buffer(bytes)));
  error_code failure = feed(parser, buffer, true);
  if (!failure) {
    Head head = read_head(parser, routes);
    parsed.request = std::move(head.request);
    parsed.refusal = std::move(head.refusal);
    if (parsed.refusal) return parsed;
    failure = feed(parser, buffer, false);
    if (too_long(parser, *head.route)) parsed.refusal = too_large(*head.route);
    if (parsed.refusal) return parsed;
    if (!failure) parsed.route = head.route;
    parsed.request.body = std::move(parser.get().body());
  }
  if (failure && !wants_more(failure)) parsed.refusal = parse_refusal(failure);
  return parsed;
}

}  // namespace arete::os
