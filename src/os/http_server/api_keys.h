// ApiKeys: who may call what, by keys of which only the hashes are kept.
//
// Keys are long random texts, so one SHA-256 is enough to hide them (not so for passwords).
// Threads: immutable after parse. Limits: below. Spec: RFC 6750 for the header "Authorization: Bearer KEY".
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "os/http_server/http_message.h"
#include "os/http_server/route.h"

namespace arete::os {

inline constexpr std::size_t kMaxApiKeys = 1024;
inline constexpr std::size_t kMaxApiKeyNameBytes = 64;
inline constexpr std::size_t kMaxApiKeyBytes = 4096;

struct ApiKey {
  std::string name;  // for logs and limits: 1..kMaxApiKeyNameBytes bytes of [A-Za-z0-9._:-]
  std::array<std::uint8_t, 32> sha256{};
  Scopes scopes;
};

class ApiKeys {
 public:
  // {"keys":[{"name":"ci","sha256":"HEX of the key","scopes":["predict","admin"]}]}. kInvalid and kCorrupt name the
  // entry; names and hashes must differ.
  static Result<ApiKeys> parse(std::string_view json);

  bool empty() const { return keys_.empty(); }
  // The key that hashes to one of ours, or nullptr. Takes the same time whichever it is and however much fits.
  const ApiKey* find(std::string_view presented) const;

 private:
  std::vector<ApiKey> keys_;
};

// The key that a request presents as "Authorization: Bearer KEY" or "X-Api-Key: KEY"; "" when it presents none.
std::string_view presented_key(const HttpRequest& request);

// SHA-256 in lower-case hex: what a key's entry says of it.
std::string sha256_hex(std::string_view text);

}  // namespace arete::os
