#include "os/http_server/request_parser.h"

#include <algorithm>
#include <limits>

#include <boost/beast/core/string.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

#include "os/http_server/http_server.h"

namespace arete::os {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

constexpr std::size_t kBodyReserveBytes = 65536;  // before a byte of the body came

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

// Fills an HttpRequest, and counts what the framing rules ask about.
class Parser final : public http::basic_parser<true> {
 public:
  Parser(HttpRequest& into, std::size_t max_header_bytes) : into_(into) {
    header_limit(static_cast<std::uint32_t>(max_header_bytes));
    body_limit(boost::none);  // the route's limit is checked by check_body()
    eager(false);             // stop behind the head: the route decides about the body
  }

  HttpRequest& into() const { return into_; }
  unsigned version() const { return version_; }
  std::size_t hosts() const { return hosts_; }
  bool has_coding() const { return has_coding_; }
  bool only_chunked() const { return only_chunked_; }
  std::uint64_t announced() const { return announced_; }

 private:
  void on_request_impl(http::verb, beast::string_view method, beast::string_view target, int version,
                       error_code&) override {
    into_.method = view(method);
    into_.target = view(target);
    version_ = static_cast<unsigned>(version);
  }
  void on_response_impl(int, beast::string_view, int, error_code&) override {}
  void on_field_impl(http::field field, beast::string_view name, beast::string_view value,
                     error_code& failure) override {
    if (++fields_ > kMaxHeaderFields) failure = http::make_error_code(http::error::header_limit);
    if (field == http::field::host) ++hosts_;
    if (field == http::field::transfer_encoding) {
      only_chunked_ = !has_coding_ && beast::iequals(value, "chunked");
      has_coding_ = true;
    }
    into_.headers.add(std::string(view(name)), std::string(view(value)));
  }
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>& length, error_code&) override {
    into_.body.reserve(std::min<std::uint64_t>(length.value_or(0), kBodyReserveBytes));
  }
  std::size_t on_body_impl(beast::string_view bytes, error_code&) override {
    into_.body.append(bytes.data(), bytes.size());
    return bytes.size();
  }
  void on_chunk_header_impl(std::uint64_t size, beast::string_view extensions, error_code& failure) override {
    announced_ = size + std::min<std::uint64_t>(into_.body.size(), std::numeric_limits<std::uint64_t>::max() - size);
    if (extensions.size() <= kMaxChunkExtensionBytes) return;
    failure = http::make_error_code(http::error::bad_chunk_extension);
  }
  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view bytes, error_code&) override {
    into_.body.append(bytes.data(), bytes.size());
    return bytes.size();
  }
  void on_finish_impl(error_code&) override {}

  HttpRequest& into_;
  unsigned version_ = 11;
  std::uint64_t announced_ = 0;  // what the body has with the chunk at hand
  std::size_t fields_ = 0;
  std::size_t hosts_ = 0;
  bool has_coding_ = false;
  bool only_chunked_ = true;
};

// A line that begins with a blank continues the one before (RFC 9112, 5.2), where not everybody thinks so. A field is
// taken whole, so the fold lies within what one call took.
bool has_folded_line(std::string_view taken) {
  for (std::size_t at = taken.find('\n'); at != std::string_view::npos; at = taken.find('\n', at + 1)) {
    if (at + 1 < taken.size() && (taken[at + 1] == ' ' || taken[at + 1] == '\t')) return true;
  }
  return false;
}

}  // namespace

class RequestParser::Impl {
 public:
  explicit Impl(std::size_t max_header_bytes) : max_header_bytes_(max_header_bytes) {}

  void start(HttpRequest& into) {
    failure_.clear();
    folded_ = false;
    parser_.emplace(into, max_header_bytes_);
  }

  State take(std::string_view& bytes, bool head_only) {
    const auto done = [&] { return head_only ? parser_->is_header_done() : parser_->is_done(); };
    while (!done()) {
      if (bytes.empty()) return State::kMore;
      const std::size_t used = parser_->put(asio::const_buffer(bytes.data(), bytes.size()), failure_);
      folded_ = folded_ || (head_only && has_folded_line(bytes.substr(0, used)));
      bytes.remove_prefix(used);
      if (folded_) return State::kFailed;
      if (failure_ == http::error::need_more) return State::kMore;
      if (failure_) return State::kFailed;
    }
    return State::kDone;
  }

  HttpResponse refusal() const {
    if (folded_) return error_response(400, "a header line continues on the next one, which is not allowed any more");
    if (failure_ == http::error::header_limit) return error_response(431, "the request's header lines are too long");
    return error_response(400, "this is no HTTP/1.1 request: " + failure_.message());
  }

  const Parser& parser() const { return *parser_; }

 private:
  const std::size_t max_header_bytes_;
  std::optional<Parser> parser_;
  error_code failure_;
  bool folded_ = false;
};

RequestParser::RequestParser(std::size_t max_header_bytes) : impl_(std::make_unique<Impl>(max_header_bytes)) {}
RequestParser::~RequestParser() = default;
RequestParser::RequestParser(RequestParser&&) noexcept = default;

void RequestParser::start(HttpRequest& into) { impl_->start(into); }
RequestParser::State RequestParser::take_head(std::string_view& bytes) { return impl_->take(bytes, true); }
RequestParser::State RequestParser::take_body(std::string_view& bytes) { return impl_->take(bytes, false); }
HttpResponse RequestParser::refusal() const { return impl_->refusal(); }
bool RequestParser::is_whole() const { return impl_->parser().is_done(); }
bool RequestParser::keep_alive() const { return impl_->parser().keep_alive(); }

bool RequestParser::wants_continue() const {
  const Parser& parser = impl_->parser();
  return parser.version() >= 11 && !parser.is_done() && !parser.into().headers.get("Expect").empty();
}

std::uint64_t RequestParser::body_bytes() const {
  const Parser& parser = impl_->parser();
  return std::max(
      {parser.content_length().value_or(0), parser.announced(), static_cast<std::uint64_t>(parser.into().body.size())});
}

std::optional<HttpResponse> RequestParser::check_framing() const {
  const Parser& parser = impl_->parser();
  if (parser.hosts() > 1 || (parser.hosts() == 0 && parser.version() >= 11)) {
    return error_response(400, "the request must have one Host header");
  }
  if (!parser.has_coding()) return std::nullopt;
  if (parser.version() < 11) return error_response(400, "HTTP/1.0 has no Transfer-Encoding");
  if (!parser.only_chunked()) return error_response(501, "the only Transfer-Encoding that works here is chunked");
  return std::nullopt;
}

std::optional<HttpResponse> RequestParser::check_body(const Route& route) const {
  if (body_bytes() > route.body_limit_bytes) return too_large(route);
  const std::string_view expect = impl_->parser().into().headers.get("Expect");
  if (expect.empty() || same_ignoring_case(expect, "100-continue")) return std::nullopt;
  return error_response(417, "the only Expect that works here is 100-continue");
}

RouteMatch check_head(const RequestParser& parser, HttpRequest& request, std::span<const Route> routes,
                      LastTarget& last) {
  if (std::optional<HttpResponse> refusal = parser.check_framing()) return {nullptr, std::move(refusal)};
  if (request.target.size() > kMaxTargetBytes) return {nullptr, error_response(414, "the request target is too long")};
  if (last.route != nullptr && request.target == last.target && request.method == last.method) {
    request.path = last.path;
    request.params = last.params;
    return {last.route, std::nullopt};
  }
  const std::string target = std::move(request.target);
  request.target.clear();
  if (const Status status = parse_target(target, request); !status) {
    return {nullptr, error_response(400, status.error().message)};
  }
  RouteMatch match = match_route(routes, request);
  if (match.refusal) return match;
  request.params = path_params(*match.route, request);
  if (request.query.empty()) last = {request.method, request.target, request.path, request.params, match.route};
  return match;
}

ParsedBytes parse_http_bytes(std::string_view bytes, const HttpServerOptions& options, std::span<const Route> routes) {
  ParsedBytes parsed;
  RequestParser parser(options.max_header_bytes);
  parser.start(parsed.request);
  RequestParser::State state = parser.take_head(bytes);
  if (state == RequestParser::State::kDone) {
    LastTarget last;
    RouteMatch match = check_head(parser, parsed.request, routes, last);
    parsed.refusal = match.refusal ? std::move(match.refusal) : parser.check_body(*match.route);
    if (parsed.refusal) return parsed;
    state = parser.take_body(bytes);
    if (parser.body_bytes() > match.route->body_limit_bytes) parsed.refusal = too_large(*match.route);
    if (parsed.refusal) return parsed;
    if (state == RequestParser::State::kDone) parsed.route = match.route;
  }
  if (state == RequestParser::State::kFailed) parsed.refusal = parser.refusal();
  return parsed;
}

}  // namespace arete::os
