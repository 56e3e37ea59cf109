#include "apps/serve_grpc.h"

namespace arete::apps {

void declare_grpc(CLI::App& app, GrpcArguments&) {
  app.footer(
      app.get_footer() +
      "\nThis build does not speak gRPC: tools/install grpc, then cmake --preset grpc and cmake --build --preset "
      "grpc --target arete-serve\nmake one that does (--grpc-port).");
}

Result<std::unique_ptr<GrpcListener>> open_grpc(serve::Dispatcher&, const GrpcArguments&, const DoorArguments&,
                                                os::Log*) {
  return std::unique_ptr<GrpcListener>();
}

}  // namespace arete::apps
