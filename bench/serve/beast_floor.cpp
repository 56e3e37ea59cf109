// The floor that our server is measured against: Boost.Beast and nothing else, two threads, one constant answer.
//   bench_beast_floor [THREADS]      prints the port that it listens on, and answers until it is killed
#include <boost/asio.hpp>
#include <boost/beast.hpp>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;

struct Session : std::enable_shared_from_this<Session> {
  explicit Session(tcp::socket socket) : stream(std::move(socket)) {}
  void read() {
    request = {};
    http::async_read(stream, buffer, request, [self = shared_from_this()](beast::error_code failure, std::size_t) {
      if (!failure) self->answer();
    });
  }
  void answer() {
    response = {http::status::ok, request.version()};
    response.set(http::field::content_type, "application/json");
    response.keep_alive(request.keep_alive());
    response.body() = "{\"text\":\"" + std::string(189, 'x') + "\"}";
    response.prepare_payload();
    http::async_write(stream, response, [self = shared_from_this()](beast::error_code failure, std::size_t) {
      if (!failure && self->response.keep_alive()) self->read();
    });
  }
  beast::tcp_stream stream;
  beast::flat_buffer buffer;
  http::request<http::string_body> request;
  http::response<http::string_body> response;
};

int main(int argc, char** argv) {
  std::vector<std::unique_ptr<asio::io_context>> loops;
  for (int i = 0; i < (argc > 1 ? std::atoi(argv[1]) : 2); ++i) loops.push_back(std::make_unique<asio::io_context>(1));
  std::vector<std::thread> threads;
  for (auto& loop : loops) threads.emplace_back([&loop, guard = asio::make_work_guard(*loop)] { loop->run(); });
  asio::io_context accepting;
  tcp::acceptor acceptor(accepting, {asio::ip::address_v4::loopback(), 0});
  std::cout << acceptor.local_endpoint().port() << std::endl;
  for (std::size_t next = 0;; ++next) {
    asio::io_context& loop = *loops[next % loops.size()];
    auto session = std::make_shared<Session>(acceptor.accept(loop));
    session->stream.socket().set_option(tcp::no_delay(true));
    asio::post(loop, [session] { session->read(); });
  }
}
