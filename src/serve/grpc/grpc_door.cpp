#include "serve/grpc/grpc_door.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <grpc/support/log.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include "serve/grpc/grpc_service.h"

namespace arete::serve {
namespace {

constexpr std::size_t kMaxMemoryBytes = std::size_t{512} << 20;  // of gRPC's buffers, all connections together
constexpr int kMaxCallsAConnection = 256;                        // at once
constexpr int kMaxMetadataBytes = 16384;                         // of one call
constexpr int kHandshakeTimeoutMs = 10000;
constexpr int kIdleTimeoutMs = 600000;      // a connection without calls
constexpr int kKeepaliveMs = 60000;         // a connection that says nothing is asked whether it is there
constexpr int kKeepaliveTimeoutMs = 20000;  // and has so long to say so
constexpr std::size_t kMostBytes = (std::size_t{1} << 31) - 1;  // of a message, that the library can count

// What it has to say goes into statuses; its own lines on stderr help nobody.
void say_nothing(gpr_log_func_args*) {}

using Credentials = decltype(grpc::InsecureServerCredentials());

Result<Credentials> credentials_of(const std::optional<os::TlsOptions>& tls) {
  if (!tls) return grpc::InsecureServerCredentials();
  // The same reading as for HTTP, which says what is wrong.
  if (const Result<os::TlsIdentity> identity = os::TlsIdentity::make(*tls); !identity) return identity.error();
  grpc::SslServerCredentialsOptions options(tls->client_ca_pem.empty()
                                                ? GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE
                                                : GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_root_certs = tls->client_ca_pem;
  options.pem_key_cert_pairs.push_back({tls->key_pem, tls->certificate_pem});
  return grpc::SslServerCredentials(options);
}

os::AccessRules access_of(const GrpcOptions& options) {
  os::AccessRules access;
  access.keys = options.api_keys;
  if (options.tls && !options.tls->client_ca_pem.empty()) {
    access.certificates = true;
    access.certificate_scopes = options.tls->client_scopes;
  }
  return access;
}

void set_limits(grpc::ServerBuilder& builder, const Limits& limits) {
  builder.SetMaxReceiveMessageSize(static_cast<int>(std::min(limits.max_tensor_bytes, kMostBytes)));
  builder.SetMaxSendMessageSize(-1);  // answers are the model's
  builder.SetResourceQuota(grpc::ResourceQuota("arete").Resize(kMaxMemoryBytes));
  // It would inflate a message whole before it looks at the limit: a megabyte may stand for a gigabyte. So compressed
  // ones are refused.
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_GZIP, false);
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_DEFLATE, false);
  builder.AddChannelArgument(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);  // a second server there is a mistake
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxCallsAConnection);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataBytes);
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, kHandshakeTimeoutMs);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, kIdleTimeoutMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
}

class Door final : public GrpcDoor {
 public:
  Door(const GrpcOptions& options, Dispatcher& dispatcher, std::string version)
      : rules_(access_of(options), options.rate_limit, dispatcher.crew().clock, options.on_exchange),
        service_(dispatcher, rules_, std::move(version)) {}
  ~Door() override { stop_now(0); }

  Status listen(const GrpcOptions& options, const Limits& limits) {
    ASSIGN_OR_RETURN(const Credentials credentials, credentials_of(options.tls));
    const bool bare_ipv6 = options.host.find(':') != std::string::npos && !options.host.starts_with('[');
    const std::string address =
        (bare_ipv6 ? "[" + options.host + "]" : options.host) + ":" + std::to_string(options.port);
    grpc::ServerBuilder builder;
    set_limits(builder, limits);
    builder.AddListeningPort(address, credentials, &port_);
    builder.RegisterCallbackGenericService(&service_);
    server_ = builder.BuildAndStart();
    if (server_ != nullptr && port_ != 0) return {};
    return Error{Code::kConflict, "cannot listen at " + address +
                                      " for gRPC: the port is taken, or the address is none of this machine's"};
  }
  std::uint16_t port() const override { return static_cast<std::uint16_t>(port_); }
  void stop(int grace_ms) override { stop_now(grace_ms); }

 private:
  void stop_now(int grace_ms) {
    if (server_ == nullptr) return;
    service_.end_streams();
    server_->Shutdown(std::chrono::system_clock::now() + std::chrono::milliseconds(grace_ms));
    server_->Wait();
    server_.reset();
  }

  VisitRules rules_;
  GrpcService service_;
  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;
};

}  // namespace

Result<std::unique_ptr<GrpcDoor>> GrpcDoor::start(const GrpcOptions& options, Dispatcher& dispatcher,
                                                  std::string version) {
  gpr_set_log_function(&say_nothing);
  auto door = std::make_unique<Door>(options, dispatcher, std::move(version));
  RETURN_IF_ERROR(door->listen(options, dispatcher.limits()));
  return std::unique_ptr<GrpcDoor>(std::move(door));
}

}  // namespace arete::serve
