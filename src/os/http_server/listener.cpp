#include "os/http_server/listener.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "os/http_server/port_owner.h"

namespace arete::os {
namespace {

constexpr int kBacklog = SOMAXCONN;

std::string last_error() { return std::strerror(errno); }

Error bind_error(const HttpServerOptions& options) {
  const std::string where = options.host + ":" + std::to_string(options.port);
  if (errno == EADDRINUSE) {
    return {Code::kConflict, "port " + std::to_string(options.port) + " on " + options.host + " is in use by " +
                                 describe_port_owner(options.port) + "; stop it, or choose another port"};
  }
  if (errno == EACCES) return {Code::kIo, "this user may not listen on " + where + "; choose a port above 1023"};
  if (errno == EADDRNOTAVAIL) {
    return {Code::kInvalid, options.host +
                                " is not an address of this machine; 127.0.0.1 is this machine "
                                "alone, 0.0.0.0 all its addresses"};
  }
  return {Code::kIo, "cannot listen on " + where + ": " + last_error()};
}

struct FreeAddresses {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

Result<Addresses> find_addresses(const HttpServerOptions& options) {
  std::string host = options.host;
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  if (host.empty())
    return Error{Code::kInvalid, "the host to listen on is empty; 0.0.0.0 means all addresses of this machine"};
  addrinfo hints{};
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int failure = ::getaddrinfo(host.c_str(), std::to_string(options.port).c_str(), &hints, &found);
  if (failure != 0) {
    return Error{Code::kNotFound, "the host name '" + options.host + "' is not known: " + ::gai_strerror(failure)};
  }
  return Addresses(found);
}

// "localhost" names two addresses: people and scripts then mean the IPv4 one.
const addrinfo& choose_address(const Addresses& list) {
  for (const addrinfo* row = list.get(); row != nullptr; row = row->ai_next) {
    if (row->ai_family == AF_INET) return *row;
  }
  return *list;
}

void set_option(int descriptor, int level, int name, int value) {
  // What fails here shows in bind().
  static_cast<void>(::setsockopt(descriptor, level, name, &value, sizeof(value)));
}

std::uint16_t bound_port(int descriptor) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(address).sin6_port
                                             : reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

std::string host_text(const addrinfo& address) {
  std::array<char, NI_MAXHOST> host{};
  if (::getnameinfo(address.ai_addr, address.ai_addrlen, host.data(), host.size(), nullptr, 0, NI_NUMERICHOST) != 0) {
    return "?";
  }
  return address.ai_family == AF_INET6 ? "[" + std::string(host.data()) + "]" : std::string(host.data());
}

int open_socket(int family) { return ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); }

// ---- Unix sockets ----

Result<sockaddr_un> unix_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path) || path.find('\0') != std::string::npos) {
    return Error{Code::kInvalid, "the path of a Unix socket may have " + std::to_string(sizeof(address.sun_path) - 1) +
                                     " bytes, without NUL: '" + path + "'"};
  }
  path.copy(address.sun_path, path.size());
  return address;
}

bool bind_unix(int descriptor, const sockaddr_un& address) {
  return ::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
}

// True when somebody takes connections at the address, or may: only a refusal says that nobody does.
bool is_live(const sockaddr_un& address) {
  const int probe = open_socket(AF_UNIX);
  if (probe < 0) return true;
  const bool refused = ::connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 &&
                       (errno == ECONNREFUSED || errno == ENOENT);
  ::close(probe);
  return !refused;
}

// The file at `path` is in the way: removed when it is a socket that nobody listens at.
Status remove_stale(const std::string& path, const sockaddr_un& address) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) return {};
  if (!S_ISSOCK(info.st_mode)) {
    return Error{Code::kInvalid, "'" + path + "' is there and no socket; choose another path"};
  }
  if (is_live(address)) {
    return Error{Code::kConflict, "another server listens at '" + path + "'; stop it, or choose another path"};
  }
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  return Error{Code::kIo, "cannot replace the socket that a dead server left at '" + path + "': " + last_error()};
}

}  // namespace

Listener::Listener(Listener&& other) noexcept { *this = std::move(other); }

Listener& Listener::operator=(Listener&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(url_, other.url_);
  std::swap(port_, other.port_);
  std::swap(path_, other.path_);
  std::swap(device_, other.device_);
  std::swap(inode_, other.inode_);
  return *this;
}

Listener::~Listener() { close(); }

void Listener::close() {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  struct stat info{};
  const bool ours = !path_.empty() && ::lstat(path_.c_str(), &info) == 0 && info.st_dev == device_ &&
                    info.st_ino == inode_ && S_ISSOCK(info.st_mode);
  if (ours) ::unlink(path_.c_str());
  path_.clear();
}

Result<Listener> listen_tcp(const HttpServerOptions& options) {
  ASSIGN_OR_RETURN(const Addresses addresses, find_addresses(options));
  const addrinfo& address = choose_address(addresses);
  Listener listener(open_socket(address.ai_family), "");
  if (!listener.is_open()) return bind_error(options);
  set_option(listener.descriptor_, SOL_SOCKET, SO_REUSEADDR, 1);
  if (address.ai_family == AF_INET6) set_option(listener.descriptor_, IPPROTO_IPV6, IPV6_V6ONLY, 0);
  if (::bind(listener.descriptor_, address.ai_addr, address.ai_addrlen) != 0) return bind_error(options);
  if (::listen(listener.descriptor_, kBacklog) != 0) return bind_error(options);
  listener.port_ = bound_port(listener.descriptor_);
  listener.url_ = (options.tls ? "https://" : "http://") + host_text(address) + ":" + std::to_string(listener.port_);
  return listener;
}

Result<Listener> listen_unix(const HttpServerOptions& options) {
  const std::string& path = options.unix_path;
  const auto failed = [&] { return Error{Code::kIo, "cannot listen at '" + path + "': " + last_error()}; };
  ASSIGN_OR_RETURN(const sockaddr_un address, unix_address(path));
  Listener listener(open_socket(AF_UNIX), "unix:" + path);
  if (!listener.is_open()) return failed();
  if (!bind_unix(listener.descriptor_, address)) {
    if (errno != EADDRINUSE) return failed();
    RETURN_IF_ERROR(remove_stale(path, address));
    if (!bind_unix(listener.descriptor_, address)) return failed();
  }
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) return failed();
  listener.path_ = path;
  listener.device_ = info.st_dev;
  listener.inode_ = info.st_ino;
  // Nobody can connect before listen(), so there is no moment of wider permissions.
  if (::chmod(path.c_str(), options.unix_mode) != 0) return failed();
  if (::listen(listener.descriptor_, kBacklog) != 0) return failed();
  return listener;
}

}  // namespace arete::os
