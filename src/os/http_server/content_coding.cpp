#include "os/http_server/content_coding.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>

#include "core/deflate.h"

namespace arete::os {
namespace {

constexpr int kLevel = 1;  // most of the gain for the least time
constexpr double kNotSaid = -1;

struct Coding {
  std::string_view name;
  Wrapping wrapping;
};
// In the order of our own liking.
constexpr std::array<Coding, 3> kCodings = {{
    {"gzip", Wrapping::kGzip},
    {"x-gzip", Wrapping::kGzip},
    {"deflate", Wrapping::kZlib},
}};

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") + 1 - first);
}

std::string_view take_until(std::string_view& rest, char end) {
  const std::string_view part = rest.substr(0, rest.find(end));
  rest.remove_prefix(std::min(rest.size(), part.size() + 1));
  return trim(part);
}

const Coding* find_coding(std::string_view name) {
  const auto* row = std::ranges::find_if(kCodings, [&](const Coding& c) { return same_ignoring_case(c.name, name); });
  return row == kCodings.end() ? nullptr : row;
}

// RFC 1950: the first byte names deflate, and both as one number are a multiple of 31. A raw body may begin so by
// chance.
bool looks_like_zlib(std::string_view body) {
  if (body.size() < 2) return false;
  const auto first = static_cast<unsigned char>(body[0]);
  const auto second = static_cast<unsigned char>(body[1]);
  return (first & 0x0FU) == 8 && (first * 256U + second) % 31 == 0;
}

Result<std::string> unpack(std::string_view body, Wrapping wrapping, std::size_t limit_bytes) {
  if (wrapping != Wrapping::kZlib) return inflate_bytes(body, wrapping, limit_bytes);
  // "deflate" means zlib's wrapping, but some clients leave it out.
  if (looks_like_zlib(body)) {
    Result<std::string> plain = inflate_bytes(body, Wrapping::kZlib, limit_bytes);
    if (plain || plain.error().code != Code::kCorrupt) return plain;
  }
  return inflate_bytes(body, Wrapping::kRaw, limit_bytes);
}

// "gzip;q=0.5" -> 0.5; 1 without a q; 0 for one that is none.
double quality_of(std::string_view parameters) {
  while (!parameters.empty()) {
    const std::string_view parameter = take_until(parameters, ';');
    if (parameter.size() < 2 || !same_ignoring_case(parameter.substr(0, 2), "q=")) continue;
    const std::string_view number = parameter.substr(2);
    double q = 0;
    const auto [end, failure] = std::from_chars(number.data(), number.data() + number.size(), q);
    return failure == std::errc() && end == number.data() + number.size() && q >= 0 && q <= 1 ? q : 0;
  }
  return 1;
}

// How much the client likes each coding, identity last.
struct Wishes {
  std::array<double, kCodings.size()> codings{kNotSaid, kNotSaid, kNotSaid};
  double identity = kNotSaid;
  double others = 0;
};

Wishes read_wishes(std::string_view accept_encoding) {
  Wishes wishes;
  for (std::size_t i = 0; i < kMaxCodings && !accept_encoding.empty(); ++i) {
    std::string_view element = take_until(accept_encoding, ',');
    const std::string_view name = take_until(element, ';');
    const double quality = quality_of(element);
    if (name == "*") wishes.others = quality;
    if (same_ignoring_case(name, "identity")) wishes.identity = quality;
    const Coding* coding = find_coding(name);
    if (coding != nullptr) wishes.codings[static_cast<std::size_t>(coding - kCodings.data())] = quality;
  }
  return wishes;
}

const Coding* choose(std::string_view accept_encoding) {
  const Wishes wishes = read_wishes(accept_encoding);
  const Coding* best = nullptr;
  double most = std::max(0.0, wishes.identity);
  for (std::size_t i = 0; i < kCodings.size(); ++i) {
    const double said = wishes.codings[i];
    const double quality = said == kNotSaid ? wishes.others : said;
    const bool better = best == nullptr ? quality > 0 && quality >= most : quality > most;
    if (!better) continue;
    best = &kCodings[i];
    most = quality;
  }
  return best;
}

}  // namespace

Status decode_body(HttpRequest& request, std::size_t limit_bytes) {
  const std::size_t fields = request.headers.count("Content-Encoding");
  if (fields == 0) return {};
  const std::string name(trim(request.headers.get("Content-Encoding")));
  const bool identity = name.empty() || same_ignoring_case(name, "identity");
  const Coding* coding = find_coding(name);
  if (fields > 1 || (coding == nullptr && !identity)) {
    return Error{Code::kUnsupported, "the body's Content-Encoding must be one of gzip, deflate or identity"};
  }
  if (coding != nullptr) {
    Result<std::string> plain = unpack(request.body, coding->wrapping, limit_bytes);
    if (!plain) return std::move(plain).error();
    request.body = std::move(*plain);
  } else if (request.body.size() > limit_bytes) {
    return Error{Code::kExhausted, "the body has more than " + std::to_string(limit_bytes) + " bytes"};
  }
  request.headers.remove("Content-Encoding");
  return {};
}

void encode_body(HttpResponse& response, const HttpRequest& request) {
  encode_body(response, request.headers.get("Accept-Encoding"));
}

void encode_body(HttpResponse& response, std::string_view accept_encoding) {
  const bool eligible = response.body.size() > kMinEncodedBytes && !response.content_type.starts_with("image/") &&
                        response.headers.count("Content-Encoding") == 0;
  if (!eligible) return;
  response.headers.add("Vary", "Accept-Encoding");
  const Coding* coding = choose(accept_encoding);
  if (coding == nullptr) return;
  Result<std::string> packed = deflate_bytes(response.body, coding->wrapping, kLevel);
  if (!packed || packed->size() >= response.body.size()) return;
  response.body = std::move(*packed);
  response.headers.add("Content-Encoding", std::string(coding->name));
}

}  // namespace arete::os
