// arete-serve MODEL: one model behind an HTTP door, until SIGTERM or SIGINT.
#include <algorithm>
#include <iostream>
#include <string>

#include "apps/cards.h"
#include "apps/cli.h"
#include "apps/engines.h"
#include "engine/engine.h"
#include "os/base/files.h"
#include "os/base/machine.h"
#include "os/http_server/http_server.h"
#include "serve/model_service.h"
#include "serve/routes.h"

namespace arete::apps {
namespace {

constexpr int kStopGraceMs = 10000;
constexpr std::size_t kMostImageBytes = std::size_t{1} << 30;

struct Arguments {
  std::string model;
  std::string card;
  EngineChoice engine;
  std::string host = "127.0.0.1";
  std::uint16_t port = 5001;
  serve::PredictLimits limits;
};

void declare(CLI::App& app, Arguments& arguments) {
  app.add_option("MODEL", arguments.model, "The .onnx file; NAME.card.json beside NAME.onnx says how to read images")
      ->required();
  app.add_option("--port", arguments.port, "Port to listen on; 0 takes any free one")
      ->check(CLI::Range(0, 65535))
      ->capture_default_str();
  app.add_option("--host", arguments.host, "Address to listen on; 0.0.0.0 answers other machines too")
      ->capture_default_str();
  app.add_option("--card", arguments.card, "The model card, when it is not beside the model");
  add_engine_options(app, arguments.engine);
  app.add_option("--max-image-bytes", arguments.limits.max_image_bytes, "Larger images are refused with 413")
      ->check(CLI::Range(std::size_t{1}, kMostImageBytes))
      ->capture_default_str();
  app.footer(
      "Then:  curl -F image=@photo.jpg http://127.0.0.1:5001/predict\n"
      "or open http://127.0.0.1:5001/ in a browser. GET /model says what the model takes.");
}

// Opens the model and puts its card to it.
Result<std::unique_ptr<serve::ModelService>> open_model(engine::Engine& engine, const Arguments& arguments) {
  ASSIGN_OR_RETURN(const engine::ModelSource source,
                   engine::ModelSource::from_file(os::real_file_system(), arguments.model));
  ASSIGN_OR_RETURN(std::optional<ModelCard> card, load_card(arguments.card, arguments.model));
  engine::SessionOptions options;
  options.threads = arguments.engine.threads;
  Result<std::unique_ptr<engine::Session>> session = engine.open(source, options);
  if (!session) return with_context(std::move(session).error(), arguments.model);
  return serve::ModelService::make({.name = os::stem_of(arguments.model),
                                    .engine = engine.name() + " " + engine.version(),
                                    .card = std::move(card),
                                    .session = std::move(*session)});
}

Result<std::unique_ptr<os::HttpServer>> open_door(const serve::ModelService& service, const Arguments& arguments) {
  os::HttpServerOptions options;
  options.host = arguments.host;
  options.port = arguments.port;
  options.handler_threads = std::max(2, os::physical_cores());
  auto server = os::HttpServer::start(options, serve::make_routes(service, arguments.limits));
  if (server || server.error().code != Code::kConflict) return server;
  return Error{Code::kConflict, server.error().message + " with --port"};
}

int serve_until_stopped(const Arguments& arguments) {
  os::catch_stop_signals();
  // The engine outlives the service, and the service the server.
  const Result<std::unique_ptr<engine::Engine>> engine = make_engine(arguments.engine);
  if (!engine) return fail(engine.error());
  const Result<std::unique_ptr<serve::ModelService>> service = open_model(**engine, arguments);
  if (!service) return fail(service.error());
  for (const std::string& notice : (*service)->notices()) std::cerr << "arete: " << notice << "\n";
  // From here on requests are answered.
  const Result<std::unique_ptr<os::HttpServer>> server = open_door(**service, arguments);
  if (!server) return fail(server.error());
  std::cout << "Serving " << (*service)->name() << " at " << (*server)->url() << " (" << (*service)->engine()
            << "; Ctrl-C stops)" << std::endl;
  os::wait_for_stop();
  // No new requests from here on; those in flight finish.
  (*server)->stop(kStopGraceMs);
  return kDone;
}

}  // namespace
}  // namespace arete::apps

int main(int argc, char** argv) {
  CLI::App app("Serves one model over HTTP: POST /predict, GET /healthz, GET /model, and a page at /.", "arete serve");
  arete::apps::Arguments arguments;
  arete::apps::declare(app, arguments);
  if (const auto status = arete::apps::parse(app, argc, argv)) return *status;
  return arete::apps::serve_until_stopped(arguments);
}
