// Grants: a secret sealed to those who may have it, as a file beside a bundle (docs/formats/grants.md).
//
// The secret is the content key of a sealed bundle, or the private key of a group, whose members then have what the
// group is granted. A grant need not be believed: what a wrong secret opens is nothing.
// Threads: values and pure functions. Limits: below. Spec: RFC 9180.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bundle/content_key.h"
#include "bundle/exchange_key.h"
#include "bundle/hpke.h"
#include "core/result.h"

namespace arete::bundle {

inline constexpr std::size_t kMaxGrants = 100'000;  // of one file
inline constexpr std::size_t kMaxGrantsBytes = std::size_t{64} << 20;
inline constexpr std::size_t kMaxRecipientName = 200;

struct Recipient {
  std::string name;  // for people; "" for none
  ExchangePublicKey key;
};

struct Grant {
  std::string name;
  Digest to;  // ExchangePublicKey::id() of who may open it
  HpkeMessage message;
};

struct Grants {
  enum class Kind { kContent, kGroup };
  Kind kind = Kind::kContent;
  Digest about;  // a bundle's manifest, or ExchangePublicKey::id() of a group
  std::vector<Grant> grants;
};

// Seals one more; who has a grant already gets no second one.
Status add_grant(Grants& grants, const Secret& secret, const Recipient& to);
// kUntrusted where none of the keys is granted anything (names who is), or what is granted to them was changed.
Result<Secret> open_grants(const Grants& grants, std::span<const KeyAgreement* const> keys);
// The content keys of bundles with this manifest, one of each file about it that opens, in their order: by its grants
// among `files` to one of the keys, or to a group whose key is granted among them. What does not open is passed over;
// where nothing does, the last error: kUntrusted. kNotFound where no file is about it.
Result<std::vector<ContentKey>> find_content_keys(const Digest& manifest, std::span<const Grants> files,
                                                  std::span<const KeyAgreement* const> keys);
// The first of them.
Result<ContentKey> find_content_key(const Digest& manifest, std::span<const Grants> files,
                                    std::span<const KeyAgreement* const> keys);

// kCorrupt for text that is no JSON, kInvalid naming the field, kExhausted over a limit, kUnsupported for a newer form.
Result<Grants> parse_grants(std::string_view text);
// Whether a grant can be named so: what a terminal does something for is refused.
bool is_recipient_name(std::string_view name);
std::string write_grants(const Grants& grants);

}  // namespace arete::bundle
