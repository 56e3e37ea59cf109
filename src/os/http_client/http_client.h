// HttpClient: asks a server for a file, within limits of size and time.
//
// Only http and https; certificates are checked. Nothing of the environment is read: a proxy is an option. Bodies come
// as they lie on the server, never unpacked.
// Threads: a client belongs to one thread at a time; it keeps its connections. Blocks. By libcurl.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "core/result.h"

namespace arete::os {

struct HttpClientOptions {
  int connect_timeout_ms = 10'000;
  // A body that comes slower than this for half a minute is given up.
  int min_bytes_per_second = 100;
  // A whole answer that takes longer is given up; 0: it may take as long as it comes fast enough.
  int total_timeout_ms = 0;
  int max_redirects = 5;
  std::string proxy;    // "http://proxy:3128"; "": none
  std::string ca_file;  // PEM; "": the system's
};

struct HttpAnswer {
  int status = 0;
  std::string body;
};

// Takes a part of the body of a 200; what it returns ends the transfer where it is an error.
using TakeBody = std::function<Status(std::span<const std::byte> part)>;

class HttpClient {
 public:
  virtual ~HttpClient() = default;
  // Any status is an answer. kInvalid for an address that is none, kUnavailable where nobody answers or the answer ends
  // in its middle, kUntrusted for a certificate that does not fit, kExhausted for more than max_bytes.
  Result<HttpAnswer> get(const std::string& url, std::uint64_t max_bytes);
  // The same for a body that is not to stand in memory; -> the status. Of other answers than 200
  // the body is not waited for.
  virtual Result<int> download(const std::string& url, std::uint64_t max_bytes, const TakeBody& take) = 0;
};

std::unique_ptr<HttpClient> make_http_client(const HttpClientOptions& options = {});

}  // namespace arete::os
