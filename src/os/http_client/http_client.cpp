#include "os/http_client/http_client.h"

#include <curl/curl.h>

#include "core/check.h"

namespace arete::os {
namespace {

constexpr long kSlowSeconds = 30;

struct FreeHandle {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};

struct Body {
  std::string bytes;
  std::uint64_t max_bytes = 0;
  bool is_too_long = false;
};

std::size_t take(char* bytes, std::size_t one, std::size_t count, void* to) {
  Body& body = *static_cast<Body*>(to);
  body.is_too_long = body.bytes.size() + count > body.max_bytes;
  if (body.is_too_long) return 0;  // ends the transfer
  body.bytes.append(bytes, one * count);
  return one * count;
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
    set(handle, CURLOPT_LOW_SPEED_LIMIT, static_cast<long>(options.min_bytes_per_second));
    set(handle, CURLOPT_LOW_SPEED_TIME, kSlowSeconds);
    set(handle, CURLOPT_PROXY, options.proxy.c_str());  // "" also keeps libcurl from looking into the environment
    if (!options.ca_file.empty()) set(handle, CURLOPT_CAINFO, options.ca_file.c_str());
    set(handle, CURLOPT_USERAGENT, "arete");
    set(handle, CURLOPT_WRITEFUNCTION, &take);
  }

  Result<HttpAnswer> get(const std::string& url, std::uint64_t max_bytes) override {
    Body body{{}, max_bytes};
    set(handle_.get(), CURLOPT_URL, url.c_str());
    set(handle_.get(), CURLOPT_WRITEDATA, &body);
    const CURLcode ended = curl_easy_perform(handle_.get());
    if (body.is_too_long)
      return Error{Code::kExhausted, url + " has more than " + std::to_string(max_bytes) + " bytes"};
    if (ended != CURLE_OK) return Error{code_of(ended), url + ": " + curl_easy_strerror(ended)};
    long status = 0;
    curl_easy_getinfo(handle_.get(), CURLINFO_RESPONSE_CODE, &status);
    return HttpAnswer{static_cast<int>(status), std::move(body.bytes)};
  }

 private:
  std::unique_ptr<CURL, FreeHandle> handle_;
};

}  // namespace

std::unique_ptr<HttpClient> make_http_client(const HttpClientOptions& options) {
  // Once for the process, before the first handle.
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  CHECK(started == CURLE_OK);
  return std::make_unique<CurlClient>(options);
}

}  // namespace arete::os
