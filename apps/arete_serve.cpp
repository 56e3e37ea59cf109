// arete-serve: models behind an HTTP door, until SIGTERM or SIGINT.
#include <algorithm>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "apps/cli.h"
#include "apps/engines.h"
#include "apps/isolation.h"
#include "apps/lazy_engine.h"
#include "apps/serve_door.h"
#include "apps/serve_options.h"
#include "engine/engine.h"
#include "os/base/files.h"
#include "os/base/machine.h"
#include "os/http_server/http_server.h"
#include "serve/dispatcher.h"
#include "serve/model_table.h"
#include "serve/routes.h"

namespace arete::apps {
namespace {

constexpr int kStopGraceMs = 10000;

// Puts the models into the table; loads none.
Status know_models(serve::ModelTable& table, const ServeArguments& arguments) {
  for (const std::string& text : arguments.models) {
    ASSIGN_OR_RETURN(serve::ModelPlace place, serve::parse_place(os::real_file_system(), text));
    place.card_path = arguments.card;
    RETURN_IF_ERROR(table.add(place));
  }
  return table.scan();
}

// A model that was named must load; one of the repository that does not is told of, and the others are served.
Status load_models(serve::ModelTable& table, const ServeArguments& arguments) {
  std::vector<std::string> names;
  for (const serve::ModelRow& row : table.rows()) {
    if (names.empty() || names.back() != row.name) names.push_back(row.name);
  }
  for (const std::string& name : names) {
    const Status loaded = table.load(name);
    if (loaded) continue;
    if (arguments.repository.empty()) return loaded;
    tell(loaded.error().message);
  }
  return {};
}

Result<std::unique_ptr<engine::Engine>> open_engine(const ServeArguments& arguments) {
  if (!arguments.isolate) return make_lazy_engine(arguments.engine);
  ASSIGN_OR_RETURN(std::unique_ptr<engine::ChildEngine> isolated, make_isolated_engine(arguments.engine, {}));
  return std::unique_ptr<engine::Engine>(std::move(isolated));
}

std::string label_of(const engine::Engine& engine) {
  const std::string version = engine.version();
  return engine.name() + (version.empty() ? "" : " " + version);
}

// Both at once, each with the whole time.
void stop_doors(os::HttpServer& http, GrpcListener* grpc) {
  std::thread other;
  if (grpc != nullptr) other = std::thread([grpc] { grpc->stop(kStopGraceMs); });
  http.stop(kStopGraceMs);
  if (other.joinable()) other.join();
}

int serve_until_stopped(const ServeArguments& arguments) {
  os::catch_stop_signals();
  // Each outlives what comes after it: engine, crew, table, dispatcher, server.
  const Result<std::unique_ptr<engine::Engine>> engine = open_engine(arguments);
  if (!engine) return fail(engine.error());
  const Result<serve::TableOptions> options = table_options(arguments);
  if (!options) return fail(options.error());
  const Result<std::unique_ptr<os::Log>> log = open_log(arguments.door);
  if (!log) return fail(log.error());
  serve::Crew crew(std::max(2, os::physical_cores()), cache_options(arguments));
  crew.metrics.set_build(ARETE_VERSION);
  serve::ModelTable table(**engine, os::real_file_system(), crew, *options);
  if (const Status known = know_models(table, arguments); !known) return fail(known.error());
  serve::Dispatcher dispatcher(table, crew, arguments.limits);
  // From here on the server is live; it is ready when its models are.
  const Result<std::unique_ptr<os::HttpServer>> server = open_door(dispatcher, arguments.door, log->get());
  if (!server) return fail(server.error());
  const auto grpc = open_grpc(dispatcher, arguments.grpc, arguments.door, log->get());
  if (!grpc) return fail(grpc.error());
  if (const Status loaded = load_models(table, arguments); !loaded) return fail(loaded.error());
  std::cout << "Serving " << names_of(table) << " at " << (*server)->url()
            << (*grpc != nullptr ? " and " + (*grpc)->address() : "") << " (" << label_of(**engine) << "; Ctrl-C stops)"
            << std::endl;
  os::wait_for_stop();
  // No new requests from here on; those in flight finish.
  stop_doors(**server, grpc->get());
  return kDone;
}

}  // namespace
}  // namespace arete::apps

int main(int argc, char** argv) {
  CLI::App app("Serves models over HTTP: POST /predict, the Open Inference Protocol at /v2, metrics, and a page at /.",
               "arete serve");
  arete::apps::ServeArguments arguments;
  arete::apps::declare(app, arguments);
  if (const auto status = arete::apps::parse(app, argc, argv)) return *status;
  return arete::apps::serve_until_stopped(arguments);
}
