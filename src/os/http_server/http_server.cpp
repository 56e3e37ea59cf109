#include "os/http_server/http_server.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <exception>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>

#include "os/http_server/connection.h"
#include "os/http_server/listener.h"

namespace arete::os {
namespace {

using boost::system::error_code;
using std::chrono::milliseconds;
using Acceptor = asio::basic_socket_acceptor<asio::generic::stream_protocol, Executor>;

constexpr std::size_t kMaxRejecting = 64;  // connections over the limit that still get their 503
constexpr milliseconds kAcceptPause{100};  // after the system had no file descriptor left

// An IPv4 address that came to an IPv6 socket is written as IPv4.
std::string address_text(const asio::ip::address& address) {
  if (!address.is_v6() || !address.to_v6().is_v4_mapped()) return address.to_string();
  return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).to_string();
}

std::string peer_of(const Socket& socket) {
  error_code failure;
  const auto endpoint = socket.remote_endpoint(failure);
  if (failure) return "";
  if (endpoint.protocol().family() == AF_UNIX) return "unix";
  asio::ip::tcp::endpoint address;
  address.resize(endpoint.size());
  std::copy_n(reinterpret_cast<const char*>(endpoint.data()), endpoint.size(), reinterpret_cast<char*>(address.data()));
  return address_text(address.address());
}

class BeastServer final : public HttpServer {
 public:
  BeastServer(const HttpServerOptions& options, std::vector<Route> routes) : state_(options, std::move(routes)) {
    for (int i = 0; i < std::max(1, options.io_threads); ++i) loops_.push_back(std::make_unique<Loop>());
  }
  ~BeastServer() override { stop(0); }

  Status open();
  std::uint16_t port() const override { return tcp_.port(); }
  Status reload_tls(const TlsOptions& options) override;
  std::string url() const override { return state_.options.listen_tcp ? tcp_.url() : unix_.url(); }
  void stop(int grace_ms) override;

 private:
  // Every loop accepts at every listener, so none waits for another.
  struct Door {
    Loop& loop;
    Acceptor acceptor;
  };

  Status open_doors(const Listener& listener);
  Task<void> accept(Door& door);
  void take(Loop& loop, Socket socket);
  void close_door(Door& door);
  void wait_for_connections(milliseconds limit) const;
  // Connections go to the loops in turn: clients that stay are spread evenly, whoever accepted them.
  Loop& next_loop() { return *loops_[next_++ % loops_.size()]; }

  ServerState state_;
  std::vector<std::unique_ptr<Loop>> loops_;
  Listener tcp_;
  Listener unix_;
  std::vector<std::unique_ptr<Door>> doors_;  // each belongs to its loop's thread
  std::atomic<std::size_t> open_doors_{0};
  std::atomic<std::size_t> next_{0};
  bool stopped_ = false;
};

Status BeastServer::open_doors(const Listener& listener) {
  for (const auto& loop : loops_) {
    const int descriptor = ::dup(listener.descriptor());
    if (descriptor < 0) return Error{Code::kIo, "no file descriptor is left to listen with"};
    doors_.push_back(std::make_unique<Door>(Door{*loop, Acceptor(loop->context)}));
    error_code failure;
    const int family = listener.is_unix() ? AF_UNIX : AF_INET;  // says nothing about what is accepted
    doors_.back()->acceptor.assign(asio::generic::stream_protocol(family, 0), descriptor, failure);
    if (failure) return Error{Code::kIo, "cannot listen: " + failure.message()};
  }
  return {};
}

Status BeastServer::reload_tls(const TlsOptions& options) {
  if (!state_.tls()) return Error{Code::kInvalid, "this server was started without TLS"};
  if (options.client_ca_pem.empty() == state_.access.certificates) {
    return Error{Code::kInvalid, "whether clients must show certificates cannot change while the server runs"};
  }
  ASSIGN_OR_RETURN(TlsIdentity identity, TlsIdentity::make(options));
  state_.set_tls(std::move(identity));
  return {};
}

Status BeastServer::open() {
  const HttpServerOptions& options = state_.options;
  if (options.tls) {
    ASSIGN_OR_RETURN(TlsIdentity identity, TlsIdentity::make(*options.tls));
    state_.set_tls(std::move(identity));
  }
  if (!options.listen_tcp && options.unix_path.empty()) {
    return Error{Code::kInvalid, "the server listens nowhere: it has neither a port nor the path of a Unix socket"};
  }
  if (options.listen_tcp) {
    ASSIGN_OR_RETURN(tcp_, listen_tcp(options));
    RETURN_IF_ERROR(open_doors(tcp_));
  }
  if (!options.unix_path.empty()) {
    ASSIGN_OR_RETURN(unix_, listen_unix(options));
    RETURN_IF_ERROR(open_doors(unix_));
  }
  open_doors_ = doors_.size();
  for (const auto& door : doors_) asio::co_spawn(door->loop.context, accept(*door), asio::detached);
  for (const auto& loop : loops_) loop->thread = std::thread([&context = loop->context] { context.run(); });
  return {};
}

Task<void> BeastServer::accept(Door& door) {
  Timer pause(door.loop.context);
  while (door.acceptor.is_open()) {
    Loop& loop = next_loop();
    auto [failure, socket] = co_await door.acceptor.async_accept(loop.context, kAwait);
    if (failure == asio::error::operation_aborted) co_return;
    if (!failure) {
      take(loop, std::move(socket));
      continue;
    }
    pause.expires_after(kAcceptPause);
    co_await pause.async_wait(kAwait);
  }
}

void BeastServer::take(Loop& loop, Socket socket) try {
  const std::size_t have = state_.connections;
  const std::size_t limit = state_.options.max_connections;
  if (have >= limit + kMaxRejecting) return;  // closes the socket
  std::string peer = peer_of(socket);
  auto connection = std::make_unique<Connection>(state_, loop, std::move(socket), std::move(peer), have >= limit);
  asio::co_spawn(loop.context, serve(std::move(connection)), asio::detached);
} catch (const std::exception&) {
  // No memory for one more connection: it is closed, and the server goes on.
}

// Connections that the system has accepted for us already are served, not reset.
void BeastServer::close_door(Door& door) {
  error_code failure;
  door.acceptor.non_blocking(true, failure);
  while (!failure) {
    Loop& loop = next_loop();
    Socket socket(loop.context);
    door.acceptor.accept(socket, failure);
    if (!failure) take(loop, std::move(socket));
  }
  door.acceptor.close(failure);
  --open_doors_;
}

void BeastServer::wait_for_connections(milliseconds limit) const {
  const Ticks::time_point end = Ticks::now() + limit;
  while ((open_doors_ > 0 || state_.connections > 0) && Ticks::now() < end)
    std::this_thread::sleep_for(milliseconds(2));
}

void BeastServer::stop(int grace_ms) {
  if (stopped_) return;
  stopped_ = true;
  if (!loops_.front()->thread.joinable()) return;  // open() failed: nothing runs
  state_.draining = true;
  tcp_.close();
  unix_.close();
  for (const auto& door : doors_) asio::post(door->loop.context, [this, door = door.get()] { close_door(*door); });
  for (const auto& loop : loops_) {
    asio::post(loop->context, [loop = loop.get()] {
      for (Connection* connection : loop->connections) connection->begin_drain();
    });
  }
  wait_for_connections(milliseconds(grace_ms));
  state_.forced = true;
  for (const auto& loop : loops_) {
    asio::post(loop->context, [loop = loop.get()] {
      for (Connection* connection : loop->connections) connection->cut();
      loop->sweep_timer.cancel();
      loop->guard.reset();
    });
  }
  for (const auto& loop : loops_) loop->thread.join();
  state_.workers.reset();
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

}  // namespace arete::os
