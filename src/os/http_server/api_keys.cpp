#include "os/http_server/api_keys.h"

#include <algorithm>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "core/check.h"
#include "core/hex.h"
#include "core/json.h"

namespace arete::os {
namespace {

using Digest = std::array<std::uint8_t, 32>;

constexpr JsonLimits kFileLimits{.max_bytes = std::size_t{1} << 20, .max_depth = 8};

Digest sha256(std::string_view text) {
  Digest digest{};
  unsigned int size = 0;
  CHECK(EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr) == 1);
  CHECK(size == digest.size());
  return digest;
}

Result<Digest> parse_hex(const std::string& hex) {
  Digest digest{};
  const Result<std::string> bytes = bytes_from_hex(hex);
  if (!bytes || bytes->size() != digest.size()) return Error{Code::kInvalid, "'sha256' must have 64 hex digits"};
  std::ranges::copy(*bytes, digest.begin());
  return digest;
}

Result<Scopes> parse_scopes(const Json* list) {
  const Error wrong{Code::kInvalid, "'scopes' must be a list of \"predict\" and \"admin\""};
  if (list == nullptr || !list->is_array()) return wrong;
  Scopes scopes;
  for (const Json& scope : list->as_array()) {
    const std::string name = scope.is_string() ? scope.as_string() : "";
    if (name != "predict" && name != "admin") return wrong;
    (name == "predict" ? scopes.predict : scopes.admin) = true;
  }
  return scopes;
}

Result<ApiKey> parse_key(const Json& json) {
  ApiKey key;
  ASSIGN_OR_RETURN(key.name, json.get_string("name"));
  if (key.name.size() > kMaxApiKeyNameBytes || !is_request_id(key.name)) {
    return Error{Code::kInvalid,
                 "'name' must have 1 to " + std::to_string(kMaxApiKeyNameBytes) + " bytes of [A-Za-z0-9._:-]"};
  }
  ASSIGN_OR_RETURN(const std::string hex, json.get_string("sha256"));
  ASSIGN_OR_RETURN(key.sha256, parse_hex(hex));
  ASSIGN_OR_RETURN(key.scopes, parse_scopes(json.find("scopes")));
  return key;
}

}  // namespace

Result<ApiKeys> ApiKeys::parse(std::string_view json) {
  ASSIGN_OR_RETURN(const Json file, Json::parse(json, kFileLimits));
  const Json* list = file.find("keys");
  if (list == nullptr || !list->is_array()) return Error{Code::kInvalid, "the API keys need a list \"keys\""};
  if (list->as_array().size() > kMaxApiKeys) {
    return Error{Code::kExhausted, "more than " + std::to_string(kMaxApiKeys) + " API keys"};
  }
  ApiKeys keys;
  for (const Json& entry : list->as_array()) {
    Result<ApiKey> key = parse_key(entry);
    const std::string place = "API key " + std::to_string(keys.keys_.size() + 1);
    if (!key) return with_context(std::move(key).error(), place);
    const bool known = std::ranges::any_of(
        keys.keys_, [&](const ApiKey& other) { return other.name == key->name || other.sha256 == key->sha256; });
    if (known) return Error{Code::kInvalid, place + ": its name or its hash is that of another"};
    keys.keys_.push_back(std::move(*key));
  }
  return keys;
}

const ApiKey* ApiKeys::find(std::string_view presented) const {
  if (presented.empty() || presented.size() > kMaxApiKeyBytes) return nullptr;
  const Digest digest = sha256(presented);
  const ApiKey* found = nullptr;
  for (const ApiKey& key : keys_) {
    if (CRYPTO_memcmp(key.sha256.data(), digest.data(), digest.size()) == 0) found = &key;
  }
  return found;
}

std::string_view presented_key(const HttpRequest& request) {
  static constexpr std::string_view kBearer = "Bearer ";
  const std::string_view authorization = request.headers.get("Authorization");
  if (!same_ignoring_case(authorization.substr(0, kBearer.size()), kBearer)) return request.headers.get("X-Api-Key");
  const std::size_t first = authorization.find_first_not_of(' ', kBearer.size());
  return first == std::string_view::npos ? std::string_view() : authorization.substr(first);
}

std::string sha256_hex(std::string_view text) {
  const Digest digest = sha256(text);
  return hex_of(std::as_bytes(std::span(digest)));
}

}  // namespace arete::os
