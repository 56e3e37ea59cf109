#include "os/http_server/connection.h"

#include <algorithm>
#include <array>
#include <random>

#include <openssl/ssl.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

#include "os/http_server/reply_slot.h"

namespace arete::os {
namespace {

using boost::system::error_code;
using std::chrono::milliseconds;

constexpr std::size_t kSmallAnswerBytes = 65536;
constexpr std::size_t kJoinedAnswerBytes = 8192;  // smaller bodies are copied behind their head
constexpr std::size_t kHeadReadBytes = 4096;      // asked of the system while a head is awaited
constexpr milliseconds kSweepInterval{100};       // how exactly time limits are kept
constexpr milliseconds kLinger{3000};             // for a client to read an early answer
constexpr milliseconds kStopIdle{250};            // for requests on their way when the server stops
constexpr unsigned char kTlsHandshake = 0x16;     // the first byte of a TLS connection
constexpr std::string_view kIdDigits = "0123456789abcdefghijklmnopqrstuvwxyz";
constexpr std::size_t kIdPrefixDigits = 7;
constexpr std::size_t kIdCountDigits = 8;

HttpResponse unavailable(const std::string& why) {
  return error_response(Error{Code::kUnavailable, why + "; try again"});
}

HttpResponse too_many_requests(std::int64_t wait_ns) {
  HttpResponse response = error_response(429, "too many requests from this client; try again later");
  response.headers.add("Retry-After", std::to_string((wait_ns + 999999999) / 1000000000));
  return response;
}

// A handler of a row that is not async, on its way to a thread of the pool.
struct Work {
  const ServerState* state;
  const Route* route;
  HttpRequest request;
  Responder respond;

  void operator()() {
    respond(state->forced ? error_response(503, "the server is stopping") : run_handler(*route, request));
  }
};

}  // namespace

ServerState::ServerState(const HttpServerOptions& given, std::vector<Route> rows)
    : options(given),
      access{given.api_keys, given.tls && !given.tls->client_ca_pem.empty(),
             given.tls ? given.tls->client_scopes : Scopes{}},
      routes(std::move(rows)),
      limiter(given.rate_limit) {
  workers.emplace(given.handler_threads, given.max_queued_requests);
}

std::shared_ptr<const TlsIdentity> ServerState::tls() const {
  const std::lock_guard lock(tls_mutex_);
  return tls_;
}

void ServerState::set_tls(TlsIdentity identity) {
  auto made = std::make_shared<const TlsIdentity>(std::move(identity));
  const std::lock_guard lock(tls_mutex_);
  tls_.swap(made);
}

bool BufferedBytes::set(std::size_t bytes) {
  if (bytes == held_) return true;
  const std::size_t before = state_.buffered_bytes.fetch_add(bytes - held_);
  const std::size_t after = before + (bytes - held_);
  held_ = bytes;
  return after <= state_.options.max_buffered_bytes;
}

RequestIds::RequestIds() {
  std::random_device random;
  for (std::size_t i = 0; i < kIdPrefixDigits; ++i) prefix_ += kIdDigits[random() % kIdDigits.size()];
}

void RequestIds::next(std::string& into) {
  into.assign(prefix_);
  into.append(kIdCountDigits, '0');
  std::uint64_t rest = count_++;
  for (std::size_t i = into.size(); rest > 0 && i > kIdPrefixDigits; rest /= kIdDigits.size()) {
    into[--i] = kIdDigits[rest % kIdDigits.size()];
  }
}

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

Connection::Connection(ServerState& state, Loop& loop, Socket socket, std::string peer, bool rejected)
    : state_(state),
      loop_(loop),
      socket_(std::move(socket)),
      peer_(std::move(peer)),
      wake_(loop.context),
      budget_(state),
      parser_(state.options.max_header_bytes),
      rejected_(rejected) {
  ++state_.connections;
}

Connection::~Connection() {
  if (slot_) slot_->detach();
  loop_.connections.erase(this);
  --state_.connections;
}

void Connection::limit_time(milliseconds limit) {
  expired_ = false;
  deadline_ = Ticks::now() + limit;
}

milliseconds Connection::transfer_time(std::size_t bytes) const {
  const auto rate = static_cast<std::size_t>(std::max(1, state_.options.min_bytes_per_second));
  return milliseconds(state_.options.request_timeout_ms + static_cast<std::int64_t>(bytes / rate * 1000));
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
  cut_ = true;
  error_code ignored;
  socket_.close(ignored);
  wake_.cancel();
}

void Connection::take_answer(HttpResponse response) {
  response_ = std::move(response);
  answered_ = true;
  if (waiting_) wake_.cancel();
}

// ---- One exchange ----

Task<void> Connection::run() {
  loop_.connections.insert(this);
  loop_.arm_sweep();
  error_code ignored;
  socket_.non_blocking(true, ignored);
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  if (rejected_) {
    co_await reject();
  } else if (co_await begin_tls()) {
    while (co_await exchange()) {
    }
  }
  begin_exchange();  // drops what the last one held
  co_await end();
}

Task<void> Connection::reject() {
  begin_exchange();
  began_ = Ticks::now();
  response_ = unavailable("too many connections");
  co_await refuse();
}

bool Connection::shows_tls() {
  unsigned char first = 0;
  error_code failure;
  const std::size_t got = socket_.receive(asio::buffer(&first, 1), asio::socket_base::message_peek, failure);
  return !failure && got == 1 && first == kTlsHandshake;
}

Task<bool> Connection::begin_tls() {
  const std::shared_ptr<const TlsIdentity> identity = state_.tls();
  if (!identity || peer_ == kUnixPeer) co_return true;
  limit_time(milliseconds(state_.options.handshake_timeout_ms));
  const auto [nothing] = co_await socket_.async_wait(asio::socket_base::wait_read, kAwait);
  if (nothing) co_return false;
  if (!shows_tls()) {
    began_ = Ticks::now();
    begin_exchange();
    response_ = error_response(400, "this port speaks TLS: use https://");
    co_await refuse();
    co_return false;
  }
  SSL* session = SSL_new(static_cast<SSL_CTX*>(identity->context()));
  if (session == nullptr) co_return false;
  tls_ = std::make_unique<TlsStream>(socket_, session);
  const auto [failure] = co_await tls_->async_handshake(asio::ssl::stream_base::server, kAwait);
  if (failure) co_return false;
  secure_ = true;
  certificate_name_ = peer_common_name(session);
  co_return true;
}

Task<bool> Connection::exchange() {
  begin_exchange();
  if (buffer_.size() == 0 && !co_await wait_for_request()) co_return false;
  parsing_ = true;
  limit_time(milliseconds(state_.options.request_timeout_ms));
  began_ = deadline_ - milliseconds(state_.options.request_timeout_ms);
  const RequestParser::State state = parse(true);
  if (state != RequestParser::State::kDone && !co_await read_head(state)) co_return false;
  if (!admit()) co_return co_await refuse();
  const Route& route = *notes_.route;
  if (!parser_.is_whole() && !co_await read_body(route)) co_return false;
  const bool keep_alive = parser_.keep_alive();
  if (!handle(route) && !co_await wait_for_answer()) co_return false;
  co_return co_await write(keep_alive);
}

void Connection::begin_exchange() {
  budget_.set(0);
  request_ = {};
  if (response_.body.capacity() > kJoinedAnswerBytes) std::string().swap(response_.body);
  parser_.start(request_);
  parsing_ = false;
  notes_.id.clear();
  notes_.method.clear();
  notes_.target.clear();
  notes_.client.clear();
  notes_.route = nullptr;
  notes_.bytes_in = 0;
}

Task<bool> Connection::wait_for_request() {
  if (buffer_.capacity() > 2 * kHeadReadBytes) buffer_ = boost::beast::flat_buffer(kMaxReadBuffer);
  idle_ = true;
  limit_time(state_.draining ? kStopIdle : milliseconds(state_.options.idle_timeout_ms));
  const bool came = co_await read_some(kHeadReadBytes);
  idle_ = false;
  co_return came;
}

Task<bool> Connection::read_some(std::size_t wanted) {
  const std::size_t room = buffer_.max_size() - buffer_.size();
  const asio::mutable_buffer into = buffer_.prepare(std::min(room, wanted));
  if (secure_) {
    const auto [failure, bytes] = co_await tls_->async_read_some(into, kAwait);
    buffer_.commit(bytes);
    co_return !failure;
  }
  const auto [failure, bytes] = co_await socket_.async_read_some(into, kAwait);
  buffer_.commit(bytes);
  co_return !failure;
}

RequestParser::State Connection::parse(bool head_only) {
  const auto held = buffer_.cdata();
  std::string_view bytes(static_cast<const char*>(held.data()), held.size());
  const RequestParser::State state = head_only ? parser_.take_head(bytes) : parser_.take_body(bytes);
  const std::size_t used = held.size() - bytes.size();
  notes_.bytes_in += used;
  buffer_.consume(used);
  return state;
}

Task<bool> Connection::read_head(RequestParser::State state) {
  bool came = true;
  while (came && state == RequestParser::State::kMore && buffer_.size() < buffer_.max_size()) {
    came = co_await read_some(kHeadReadBytes);
    if (came) state = parse(true);
  }
  if (state == RequestParser::State::kDone) co_return true;
  response_ = state == RequestParser::State::kFailed ? parser_.refusal() : cut_short();
  co_await refuse();
  co_return false;
}

HttpResponse Connection::cut_short() const {
  if (buffer_.size() == buffer_.max_size()) return error_response(431, "a line of the request is too long");
  if (expired_) return error_response(408, "the request came too slowly");
  return error_response(400, "the request ends in its middle");
}

bool Connection::admit() {
  note_request();
  RouteMatch match = check_head(parser_, request_, state_.routes, last_target_);
  notes_.route = match.route;
  if (!match.refusal) match.refusal = check_caller(match.route->scope);
  if (!match.refusal) match.refusal = parser_.check_body(*match.route);
  if (match.refusal) {
    response_ = std::move(*match.refusal);
    return false;
  }
  request_.peer = peer_;
  request_.id = notes_.id;
  return true;
}

std::optional<HttpResponse> Connection::check_caller(Scope scope) {
  std::optional<HttpResponse> refusal = check_access(state_.access, scope, {peer_, certificate_name_}, request_);
  notes_.client = request_.client;
  if (refusal || scope != Scope::kPredict || !state_.limiter.is_on()) return refusal;
  const std::int64_t now_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(began_.time_since_epoch()).count();
  const std::int64_t wait_ns =
      state_.limiter.take(request_.client.empty() ? rate_client(peer_) : request_.client, now_ns);
  if (wait_ns > 0) refusal = too_many_requests(wait_ns);
  return refusal;
}

void Connection::note_request() {
  const std::string_view id = request_.headers.get("X-Request-Id");
  if (is_request_id(id)) {
    notes_.id = id;
  } else {
    loop_.ids.next(notes_.id);
  }
  notes_.method = request_.method;
  if (state_.options.on_exchange) notes_.target.assign(request_.target, 0, kMaxLoggedTargetBytes);
}

Task<bool> Connection::say_continue() {
  static constexpr std::string_view kGoOn = "HTTP/1.1 100 Continue\r\n\r\n";
  out_ = {asio::buffer(kGoOn), asio::const_buffer()};
  write_now();
  if (!write_failure_ && written_ < kGoOn.size()) co_await flush();
  co_return !write_failure_;
}

Task<bool> Connection::read_body(const Route& route) {
  if (buffer_.size() == 0 && parser_.wants_continue() && !co_await say_continue()) co_return false;
  RequestParser::State state = parse(false);
  bool good = take_body(route, state);
  while (good && state == RequestParser::State::kMore) {
    expired_ = false;
    deadline_ = began_ + transfer_time(request_.body.size());
    if (buffer_.size() < buffer_.max_size() && co_await read_some(kMaxReadBuffer)) {
      state = parse(false);
      good = take_body(route, state);
    } else {
      response_ = cut_short();
      good = false;
    }
  }
  if (!good) co_await refuse();
  co_return good;
}

bool Connection::take_body(const Route& route, RequestParser::State state) {
  if (state == RequestParser::State::kFailed) {
    response_ = parser_.refusal();
  } else if (parser_.body_bytes() > route.body_limit_bytes) {
    response_ = too_large(route);
  } else if (!budget_.set(request_.body.size())) {
    response_ = unavailable("too many uploads at once");
  } else {
    return true;
  }
  return false;
}

bool Connection::handle(const Route& route) {
  deadline_ = kNever;
  if (!route.async && route.runs_on == RunsOn::kInline) {
    response_ = run_handler(route, request_);
    return true;
  }
  if (!slot_) slot_ = std::make_shared<ReplySlot>(*this, loop_);
  answered_ = false;
  Responder respond(slot_, slot_->open());
  if (route.async) {
    run_async(route, std::move(request_), std::move(respond));
  } else {
    start_work(route, std::move(respond));
  }
  return answered_;
}

void Connection::start_work(const Route& route, Responder respond) {
  if (state_.workers->try_reserve()) {
    state_.workers->run_reserved(Work{&state_, &route, std::move(request_), std::move(respond)});
  } else {
    respond(unavailable("too many requests wait already"));
  }
}

Task<bool> Connection::wait_for_answer() {
  wake_.expires_at(kNever);
  waiting_ = true;
  if (!answered_ && !cut_) co_await wake_.async_wait(kAwait);
  waiting_ = false;
  co_return answered_ && !cut_;
}

// ---- Answers ----

void Connection::lay_out_answer(bool keep_alive) {
  // The request is done with; what waits to be read counts in its place. Small answers (health, refusals) always go
  // out.
  if (!budget_.set(response_.body.size()) && response_.body.size() > kSmallAnswerBytes) {
    response_ = unavailable("too many large answers wait to be read");
    budget_.set(response_.body.size());
  }
  if (notes_.id.empty()) loop_.ids.next(notes_.id);
  head_.clear();
  append_head(head_, response_, keep_alive, notes_.id);
  const bool with_body = notes_.method != "HEAD";
  const bool joined = with_body && response_.body.size() <= kJoinedAnswerBytes;
  if (joined) head_ += response_.body;
  out_ = {asio::buffer(head_), asio::const_buffer()};
  if (with_body && !joined) out_[1] = asio::buffer(response_.body);
}

// Mostly the system takes all at once, and nothing needs to be waited for.
void Connection::write_now() {
  written_ = 0;
  write_failure_ = {};
  if (secure_) return;
  written_ = socket_.write_some(out_, write_failure_);
  if (write_failure_ == asio::error::would_block || write_failure_ == asio::error::interrupted) write_failure_ = {};
}

Task<void> Connection::flush() {
  const std::size_t of_head = std::min(written_, out_[0].size());
  out_[1] += written_ - of_head;
  out_[0] += of_head;
  limit_time(transfer_time(out_[0].size() + out_[1].size()));
  if (secure_) {
    const auto [failure, bytes] = co_await asio::async_write(*tls_, out_, kAwait);
    write_failure_ = failure;
    written_ += bytes;
  } else {
    const auto [failure, bytes] = co_await asio::async_write(socket_, out_, kAwait);
    write_failure_ = failure;
    written_ += bytes;
  }
}

Task<bool> Connection::write(bool keep_alive) {
  keep_alive = keep_alive && !state_.draining;
  lay_out_answer(keep_alive);
  const std::size_t whole = out_[0].size() + out_[1].size();
  write_now();
  if (!write_failure_ && written_ < whole) co_await flush();
  end_exchange();
  if (!write_failure_) {
    lingers_ = lingers_ || (!keep_alive && buffer_.size() > 0);
    co_return keep_alive;
  }
  // Nobody reads: reset, so that the system drops what it still holds for this client.
  error_code ignored;
  socket_.set_option(asio::socket_base::linger(true, 0), ignored);
  lingers_ = false;
  co_return false;
}

void Connection::end_exchange() {
  if (!state_.options.on_exchange) return;
  const auto duration = std::chrono::duration_cast<std::chrono::nanoseconds>(Ticks::now() - began_);
  state_.options.on_exchange({.id = notes_.id,
                              .method = notes_.method,
                              .route = notes_.route == nullptr ? std::string_view() : notes_.route->path,
                              .target = notes_.target,
                              .status = response_.status,
                              .bytes_in = notes_.bytes_in,
                              .bytes_out = written_,
                              .duration_ns = duration.count(),
                              .peer = peer_,
                              .client = notes_.client});
}

Task<bool> Connection::refuse() {
  const bool whole = parsing_ && parser_.is_whole();
  lingers_ = !whole;
  // Who breaks the rules may mean something else by what follows.
  const bool trusted = response_.status != 400 && response_.status != 414 && response_.status != 501;
  co_return co_await write(whole && trusted && parser_.keep_alive());
}

// TLS says that it ends. And a close with unread bytes resets the connection, and the client would lose the answer. So:
// say that we are done, and read on for a while.
Task<void> Connection::end() {
  limit_time(kLinger);
  if (secure_ && !write_failure_) co_await tls_->async_shutdown(kAwait);
  if (!lingers_) co_return;
  secure_ = false;
  error_code ignored;
  socket_.shutdown(asio::socket_base::shutdown_send, ignored);
  buffer_.clear();
  while (co_await read_some(kMaxReadBuffer)) buffer_.clear();
}

Task<void> serve(std::unique_ptr<Connection> connection) { co_await connection->run(); }

}  // namespace arete::os
