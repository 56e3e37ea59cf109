#include "apps/serve_door.h"

#include <algorithm>

#include "os/base/files.h"
#include "os/base/machine.h"
#include "os/keystore/keystore.h"
#include "serve/routes.h"

namespace arete::apps {
namespace {

constexpr std::uint64_t kMaxPemBytes = std::uint64_t{4} << 20;

void write_down(os::Log& log, const os::Exchange& exchange) {
  const os::LogLevel level = exchange.status >= 500 ? os::LogLevel::kWarning : os::LogLevel::kInfo;
  log.write(level, "http.exchange",
            {{"id", exchange.id},
             {"method", exchange.method},
             {"route", exchange.route},
             {"target", exchange.target},
             {"status", exchange.status},
             {"bytes_in", exchange.bytes_in},
             {"bytes_out", exchange.bytes_out},
             {"duration_us", exchange.duration_ns / 1000},
             {"peer", exchange.peer},
             {"client", exchange.client}});
}

}  // namespace

Result<std::optional<os::TlsOptions>> tls_options(const DoorArguments& arguments) {
  const os::FileSystem& files = os::real_file_system();
  if (arguments.certificate.empty()) return std::optional<os::TlsOptions>();
  os::TlsOptions tls;
  ASSIGN_OR_RETURN(tls.certificate_pem, os::read_file(files, arguments.certificate, kMaxPemBytes));
  ASSIGN_OR_RETURN(tls.key_pem, os::read_private_key(arguments.key));
  if (!arguments.client_ca.empty()) {
    ASSIGN_OR_RETURN(tls.client_ca_pem, os::read_file(files, arguments.client_ca, kMaxPemBytes));
  }
  return std::optional(std::move(tls));
}

Result<os::ApiKeys> read_keys(const DoorArguments& arguments) {
  if (arguments.api_keys.empty()) return os::ApiKeys();
  ASSIGN_OR_RETURN(const std::string text, os::read_file(os::real_file_system(), arguments.api_keys, kMaxPemBytes));
  Result<os::ApiKeys> keys = os::ApiKeys::parse(text);
  if (!keys) return with_context(std::move(keys).error(), arguments.api_keys);
  return keys;
}

os::RateLimit rate_limit_of(const DoorArguments& arguments) {
  return {.per_second = arguments.rate_per_second, .burst = arguments.rate_burst};
}

std::function<void(const os::Exchange&)> exchange_teller(serve::Dispatcher& dispatcher, os::Log* log) {
  return [&metrics = dispatcher.crew().metrics, log](const os::Exchange& exchange) {
    metrics.count_exchange(exchange.route, exchange.method, exchange.status, exchange.duration_ns, exchange.bytes_in,
                           exchange.bytes_out);
    if (log != nullptr) write_down(*log, exchange);
  };
}

void declare_door(CLI::App& app, DoorArguments& arguments) {
  app.add_option("--port", arguments.port, "Port to listen on; 0 takes any free one")
      ->check(CLI::Range(0, 65535))
      ->capture_default_str();
  app.add_option("--host", arguments.host, "Address to listen on; 0.0.0.0 answers other machines too")
      ->capture_default_str();
  app.add_option("--unix-socket", arguments.unix_path, "A Unix socket to listen at as well");
  CLI::Option* const certificate = app.add_option("--tls-cert", arguments.certificate, "PEM file: speak TLS");
  CLI::Option* const key =
      app.add_option("--tls-key", arguments.key, "PEM file of its key, readable by its owner alone");
  certificate->needs(key);
  key->needs(certificate);
  app.add_option("--client-ca", arguments.client_ca, "PEM file: clients must show a certificate of this authority")
      ->needs(certificate);
  app.add_option(
      "--api-keys", arguments.api_keys,
      R"(JSON file {"keys":[{"name","sha256","scopes":["predict","admin"]}]}: who may ask, who may load models)");
  app.add_option("--rate-limit", arguments.rate_per_second, "Requests a second for each client; 0: no limit")
      ->check(CLI::Range(0.0, 1e9));
  app.add_option("--rate-burst", arguments.rate_burst, "Requests at once after a pause (default: a second's worth)")
      ->check(CLI::Range(0.0, 1e9));
  app.add_option("--max-connections", arguments.max_connections, "One more gets a 503")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  app.add_option("--log", arguments.log, "A JSON line for each exchange, added to this file; - is standard error");
}

Result<std::unique_ptr<os::Log>> open_log(const DoorArguments& arguments) {
  if (arguments.log.empty()) return std::unique_ptr<os::Log>();
  return os::Log::open({.path = arguments.log == "-" ? "" : arguments.log});
}

Result<std::unique_ptr<os::HttpServer>> open_door(serve::Dispatcher& dispatcher, const DoorArguments& arguments,
                                                  os::Log* log) {
  os::HttpServerOptions options;
  options.host = arguments.host;
  options.port = arguments.port;
  options.unix_path = arguments.unix_path;
  options.io_threads = std::max(1, os::physical_cores());
  options.max_connections = arguments.max_connections;
  options.rate_limit = rate_limit_of(arguments);
  ASSIGN_OR_RETURN(options.tls, tls_options(arguments));
  ASSIGN_OR_RETURN(options.api_keys, read_keys(arguments));
  options.on_exchange = exchange_teller(dispatcher, log);
  auto server = os::HttpServer::start(options, serve::make_routes(dispatcher, ARETE_VERSION));
  if (server || server.error().code != Code::kConflict) return server;
  return Error{Code::kConflict, server.error().message + " with --port"};
}

}  // namespace arete::apps
