#include "apps/serve_grpc.h"

#include "serve/grpc/grpc_door.h"

namespace arete::apps {
namespace {

class Listener final : public GrpcListener {
 public:
  Listener(std::unique_ptr<serve::GrpcDoor> door, const std::string& host)
      : door_(std::move(door)), address_("grpc://" + host + ":" + std::to_string(door_->port())) {}
  std::string address() const override { return address_; }
  void stop(int grace_ms) override { door_->stop(grace_ms); }

 private:
  const std::unique_ptr<serve::GrpcDoor> door_;
  const std::string address_;
};

}  // namespace

void declare_grpc(CLI::App& app, GrpcArguments& arguments) {
  app.add_option("--grpc-port", arguments.port,
                 "Also speak the Open Inference Protocol over gRPC at this port; 0 takes any free one")
      ->check(CLI::Range(0, 65535));
}

Result<std::unique_ptr<GrpcListener>> open_grpc(serve::Dispatcher& dispatcher, const GrpcArguments& arguments,
                                                const DoorArguments& door, os::Log* log) {
  if (!arguments.port) return std::unique_ptr<GrpcListener>();
  serve::GrpcOptions options;
  options.host = door.host;
  options.port = *arguments.port;
  options.rate_limit = rate_limit_of(door);
  ASSIGN_OR_RETURN(options.tls, tls_options(door));
  ASSIGN_OR_RETURN(options.api_keys, read_keys(door));
  options.on_exchange = exchange_teller(dispatcher, log);
  auto opened = serve::GrpcDoor::start(options, dispatcher, ARETE_VERSION);
  if (opened) return std::unique_ptr<GrpcListener>(std::make_unique<Listener>(std::move(*opened), door.host));
  Error error = std::move(opened).error();
  if (error.code == Code::kConflict) error.message += "; choose another with --grpc-port";
  return error;
}

}  // namespace arete::apps
