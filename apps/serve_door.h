// The door of `arete serve`: where it listens, to whom it opens, what it writes down.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "apps/cli.h"
#include "core/result.h"
#include "os/base/log.h"
#include "os/http_server/http_server.h"
#include "serve/dispatcher.h"

namespace arete::apps {

struct DoorArguments {
  std::string host = "127.0.0.1";
  std::uint16_t port = 5001;
  std::string unix_path;
  std::string certificate;
  std::string key;
  std::string client_ca;
  std::string api_keys;
  double rate_per_second = 0;
  double rate_burst = 0;
  std::size_t max_connections = 512;
  std::string log;  // "": none; "-": standard error
};

void declare_door(CLI::App& app, DoorArguments& arguments);

// Nothing where none was asked for. kIo.
Result<std::unique_ptr<os::Log>> open_log(const DoorArguments& arguments);

// What other doors open with, too. The errors of reading the files that were named.
Result<std::optional<os::TlsOptions>> tls_options(const DoorArguments& arguments);
Result<os::ApiKeys> read_keys(const DoorArguments& arguments);
os::RateLimit rate_limit_of(const DoorArguments& arguments);
// Counts each exchange and writes it down; `log` may be null. Borrows both.
std::function<void(const os::Exchange&)> exchange_teller(serve::Dispatcher& dispatcher, os::Log* log);

// Listens from now on. `log` may be null; it is borrowed as the dispatcher is. The errors of HttpServer::start and of
// the files that were named.
Result<std::unique_ptr<os::HttpServer>> open_door(serve::Dispatcher& dispatcher, const DoorArguments& arguments,
                                                  os::Log* log);

}  // namespace arete::apps
