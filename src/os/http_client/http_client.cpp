#include "os/http_client/http_client.h"

#include <curl/curl.h>

#include "core/check.h"

namespace arete::os {
namespace {

constexpr long kOk = 200;
constexpr long kSlowSeconds = 30;

struct FreeHandle {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};

struct Body {
  CURL* handle = nullptr;
  const TakeBody* take = nullptr;
  std::uint64_t bytes = 0;
  std::uint64_t max_bytes = 0;
  bool is_too_long = false;
  bool is_other = false;  // than a 200
  Status taken = {};
};

long status_of(CURL* handle) {
  long status = 0;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
  return status;
}

// 0 ends the transfer.
std::size_t take(char* bytes, std::size_t one, std::size_t count, void* to) {
  Body& body = *static_cast<Body*>(to);
  body.is_other = status_of(body.handle) != kOk;
  if (body.is_other) return 0;
  body.bytes += count;
  body.is_too_long = body.bytes > body.max_bytes;
  if (body.is_too_long) return 0;
  body.taken = (*body.take)(std::as_bytes(std::span(bytes, count)));
  return body.taken ? one * count : 0;
}

// Options of a known name and type do not fail but for want of memory.
template <class Value>
void set(CURL* handle, CURLoption option, Value value) {
  CHECK(curl_easy_setopt(handle, option, value) != CURLE_OUT_OF_MEMORY);
}

Code code_of(CURLcode failure) {
  switch (failure) {
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return Code::kInvalid;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
      return Code::kUntrusted;
    default:
      return Code::kUnavailable;
  }
}

class CurlClient final : public HttpClient {
 public:
  explicit CurlClient(const HttpClientOptions& options) : handle_(curl_easy_init()) {
    CHECK(handle_ != nullptr);
    CURL* const handle = handle_.get();
    set(handle, CURLOPT_NOSIGNAL, 1L);
    set(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    set(handle, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    set(handle, CURLOPT_FOLLOWLOCATION, options.max_redirects > 0 ? 1L : 0L);
    set(handle, CURLOPT_MAXREDIRS, static_cast<long>(options.max_redirects));
    set(handle, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_timeout_ms));
    set(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(options.total_timeout_ms));
    set(handle, CURLOPT_LOW_SPEED_LIMIT, static_cast<long>(options.min_bytes_per_second));
    set(handle, CURLOPT_LOW_SPEED_TIME, kSlowSeconds);
    set(handle, CURLOPT_PROXY, options.proxy.c_str());  // "" also keeps libcurl from looking into the environment
    if (!options.ca_file.empty()) set(handle, CURLOPT_CAINFO, options.ca_file.c_str());
    set(handle, CURLOPT_USERAGENT, "arete");
    set(handle, CURLOPT_WRITEFUNCTION, &take);
  }

  Result<int> download(const std::string& url, std::uint64_t max_bytes, const TakeBody& take) override {
    Body body{handle_.get(), &take, 0, max_bytes};
    set(handle_.get(), CURLOPT_URL, url.c_str());
    set(handle_.get(), CURLOPT_WRITEDATA, &body);
    const CURLcode ended = curl_easy_perform(handle_.get());
    if (body.is_other) return static_cast<int>(status_of(handle_.get()));
    if (body.is_too_long)
      return Error{Code::kExhausted, url + " has more than " + std::to_string(max_bytes) + " bytes"};
    RETURN_IF_ERROR(body.taken);
    if (ended != CURLE_OK) return Error{code_of(ended), url + ": " + curl_easy_strerror(ended)};
    return static_cast<int>(status_of(handle_.get()));
  }

 private:
  std::unique_ptr<CURL, FreeHandle> handle_;
};

}  // namespace

Result<HttpAnswer> HttpClient::get(const std::string& url, std::uint64_t max_bytes) {
  HttpAnswer answer;
  ASSIGN_OR_RETURN(answer.status, download(url, max_bytes, [&](std::span<const std::byte> part) -> Status {
                     answer.body.append(reinterpret_cast<const char*>(part.data()), part.size());
                     return {};
                   }));
  return answer;
}

std::unique_ptr<HttpClient> make_http_client(const HttpClientOptions& options) {
  // Once for the process, before the first handle.
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  CHECK(started == CURLE_OK);
  return std::make_unique<CurlClient>(options);
}

}  // namespace arete::os
