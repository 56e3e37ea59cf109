#include "os/http_server/http_message.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "core/hex.h"
#include "core/json.h"

namespace arete::os {
namespace {

constexpr std::size_t kUsualFields = 8;  // of a request

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

Status parse_query(std::string_view text, HttpRequest& into) {
  while (!text.empty()) {
    const std::string_view field = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), field.size() + 1));
    if (field.empty()) continue;
    if (into.query.size() >= kMaxQueryFields) {
      return Error{Code::kInvalid, "the query has more than " + std::to_string(kMaxQueryFields) + " fields"};
    }
    const std::size_t equals = std::min(field.find('='), field.size());
    ASSIGN_OR_RETURN(std::string key, percent_decode(field.substr(0, equals), true));
    const std::string_view rest = field.substr(std::min(equals + 1, field.size()));
    ASSIGN_OR_RETURN(std::string value, percent_decode(rest, true));
    into.query.emplace_back(std::move(key), std::move(value));
  }
  return {};
}

// "http://host:1/a" -> "/a"; other text unchanged.
std::string_view without_origin(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!same_ignoring_case(target.substr(0, scheme.size()), scheme)) continue;
    const std::size_t slash = target.find('/', scheme.size());
    return slash == std::string_view::npos ? std::string_view("/") : target.substr(slash);
  }
  return target;
}

struct StatusRow {
  int status;
  std::string_view reason;
};

constexpr std::array<StatusRow, 25> kStatuses = {{
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {411, "Length Required"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {499, "Client Closed Request"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
}};

bool breaks_framing(char c) { return c == '\r' || c == '\n' || c == '\0'; }

void append_field(std::string& out, std::string_view name, std::string_view value) {
  if (name.empty() || std::ranges::any_of(name, breaks_framing)) return;
  out.append(name).append(": ");
  if (std::ranges::none_of(value, breaks_framing)) {
    out.append(value);
  } else {
    std::ranges::copy_if(value, std::back_inserter(out), [](char c) { return !breaks_framing(c); });
  }
  out.append("\r\n");
}

void append_number(std::string& out, std::size_t number) {
  std::array<char, 24> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

bool is_id_byte(char c) {
  return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') || c == '.' || c == '_' || c == ':' || c == '-';
}

}  // namespace

void HttpHeaders::add(std::string name, std::string value) {
  if (fields_.empty()) fields_.reserve(kUsualFields);
  fields_.emplace_back(std::move(name), std::move(value));
}

void HttpHeaders::remove(std::string_view name) {
  std::erase_if(fields_, [&](const Field& field) { return same_ignoring_case(field.first, name); });
}

std::string_view HttpHeaders::get(std::string_view name) const {
  for (const Field& field : fields_) {
    if (same_ignoring_case(field.first, name)) return field.second;
  }
  return {};
}

std::size_t HttpHeaders::count(std::string_view name) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(fields_, [&](const Field& field) { return same_ignoring_case(field.first, name); }));
}

std::string_view HttpRequest::param(std::string_view name) const {
  const auto found = std::ranges::find(params, name, &std::pair<std::string, std::string>::first);
  return found == params.end() ? std::string_view() : found->second;
}

std::string_view encoded_path(std::string_view target) {
  const std::string_view rest = without_origin(target);
  return rest.substr(0, rest.find_first_of("?#"));
}

Result<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '+' && plus_is_space) c = ' ';
    if (c == '%') {
      const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
      if (high < 0 || low < 0) {
        return Error{Code::kInvalid, "the request target has a '%' without two hex digits behind it"};
      }
      c = static_cast<char>(high * 16 + low);
      i += 2;
    }
    if (c == '\0') return Error{Code::kInvalid, "the request target has a NUL byte"};
    out.push_back(c);
  }
  return out;
}

bool is_request_id(std::string_view text) {
  return !text.empty() && text.size() <= kMaxRequestIdBytes && std::ranges::all_of(text, is_id_byte);
}

Status parse_target(std::string_view target, HttpRequest& into) {
  if (target.size() > kMaxTargetBytes) {
    return Error{Code::kInvalid, "the request target is longer than " + std::to_string(kMaxTargetBytes) + " bytes"};
  }
  std::string_view rest = without_origin(target);
  rest = rest.substr(0, rest.find('#'));
  const std::size_t mark = std::min(rest.find('?'), rest.size());
  ASSIGN_OR_RETURN(into.path, percent_decode(rest.substr(0, mark), false));
  if (into.path.empty() || into.path.front() != '/') {
    return Error{Code::kInvalid, "the request target must be a path that begins with '/'"};
  }
  into.target = std::string(target);
  return parse_query(rest.substr(std::min(mark + 1, rest.size())), into);
}

std::string media_type(std::string_view content_type) {
  content_type = content_type.substr(0, content_type.find(';'));
  const std::size_t first = content_type.find_first_not_of(" \t");
  if (first == std::string_view::npos) return "";
  std::string type(content_type.substr(first, content_type.find_last_not_of(" \t") + 1 - first));
  std::ranges::transform(type, type.begin(), lower);
  return type;
}

HttpResponse json_response(const Json& json, int status) {
  HttpResponse response;
  response.status = status;
  response.body = json.dump();
  return response;
}

HttpResponse error_response(int status, std::string_view message) {
  return json_response(Json::object({{"error", message}}), status);
}

HttpResponse error_response(const Error& error) {
  const CodeRow& row = describe(error.code);
  HttpResponse response = error_response(row.http_status, error.message);
  if (row.http_status == 503) response.headers.add("Retry-After", "1");
  return response;
}

std::string_view reason_phrase(int status) {
  const auto row = std::ranges::find(kStatuses, status, &StatusRow::status);
  return row == kStatuses.end() ? "Unknown" : row->reason;
}

bool same_ignoring_case(std::string_view a, std::string_view b) { return std::ranges::equal(a, b, {}, lower, lower); }

std::string render_head(const HttpResponse& response, bool keep_alive) {
  std::string out;
  append_head(out, response, keep_alive, "");
  return out;
}

void append_head(std::string& out, const HttpResponse& response, bool keep_alive, std::string_view id) {
  out.append("HTTP/1.1 ");
  append_number(out, static_cast<std::size_t>(response.status));
  out.append(" ").append(reason_phrase(response.status)).append("\r\n");
  if (!response.content_type.empty()) append_field(out, "Content-Type", response.content_type);
  if (response.status != 204 && response.status != 304) {
    out.append("Content-Length: ");
    append_number(out, response.body.size());
    out.append("\r\n");
  }
  out.append(keep_alive ? "Connection: keep-alive\r\n" : "Connection: close\r\n");
  if (!id.empty()) append_field(out, "X-Request-Id", id);
  for (const auto& [name, value] : response.headers.fields()) append_field(out, name, value);
  out.append("\r\n");
}

}  // namespace arete::os
