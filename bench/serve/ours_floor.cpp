// Our server with the answer of bench_beast_floor and no model: what the HTTP layer alone costs.
//   bench_ours_floor [THREADS]      prints the port; POST / is answered on the I/O thread, POST /async through a
//                                   responder on it, POST /hop through one from another thread
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <string>

#include "os/http_server/http_server.h"
#include "os/http_server/worker_pool.h"

using namespace arete;

int main(int argc, char** argv) {
  os::WorkerPool pool(1, 4096);
  os::HttpResponse response;
  response.body = "{\"text\":\"" + std::string(189, 'x') + "\"}";
  const auto inline_answer = [response](const os::HttpRequest&) { return response; };
  const auto async_answer = [response](os::HttpRequest, os::Responder respond) { respond(response); };
  const auto hop_answer = [response, &pool](os::HttpRequest, os::Responder respond) {
    pool.try_run([response, respond = std::move(respond)]() mutable { respond(response); });
  };
  const std::size_t limit = std::size_t{1} << 20;
  os::HttpServerOptions options;
  options.io_threads = argc > 1 ? std::atoi(argv[1]) : 2;
  const auto server = os::HttpServer::start(
      options, {{.method = "POST",
                 .path = "/",
                 .body_limit_bytes = limit,
                 .runs_on = os::RunsOn::kInline,
                 .handler = inline_answer},
                {.method = "POST", .path = "/async", .body_limit_bytes = limit, .async = async_answer},
                {.method = "POST", .path = "/hop", .body_limit_bytes = limit, .async = hop_answer}});
  if (!server) {
    std::cerr << to_string(server.error()) << "\n";
    return 5;
  }
  std::cout << (*server)->port() << std::endl;
  ::pause();
}
