#include "bundle/grants.h"

#include <algorithm>
#include <optional>

#include "core/hex.h"
#include "core/json.h"

namespace arete::bundle {
namespace {

constexpr std::int64_t kGrantsFormat = 1;

const char* name_of(Grants::Kind kind) { return kind == Grants::Kind::kContent ? "content" : "group"; }

// A grant opens for what it is about, and for nothing else.
std::string purpose_of(const Grants& grants) {
  return "arete grant 1 " + std::string(name_of(grants.kind)) + " " + grants.about.hex();
}

const Grant* find_grant(const Grants& grants, const Digest& to) {
  const auto found = std::ranges::find(grants.grants, to, &Grant::to);
  return found == grants.grants.end() ? nullptr : &*found;
}

Error nobody_can(const Grants& grants) {
  constexpr std::size_t kShown = 5;
  std::string who;
  for (std::size_t i = 0; i < std::min(kShown, grants.grants.size()); ++i) {
    const Grant& grant = grants.grants[i];
    who += (i == 0 ? "" : ", ") + (grant.name.empty() ? grant.to.hex().substr(0, 16) : "'" + grant.name + "'");
  }
  if (grants.grants.size() > kShown) who += " and " + std::to_string(grants.grants.size() - kShown) + " more";
  return {Code::kUntrusted, "none of the keys given may open it; it was granted to " + (who.empty() ? "nobody" : who) +
                                "; a group's key comes with its grants (--grants GROUP.grants)"};
}

Result<Digest> digest_at(const Json& json, std::string_view key) {
  ASSIGN_OR_RETURN(const std::string text, json.get_string(key));
  Result<Digest> digest = digest_from_hex(text);
  return digest ? digest : with_context(std::move(digest).error(), "\"" + std::string(key) + "\"");
}

Result<std::string> bytes_at(const Json& json, std::string_view key, std::size_t size) {
  ASSIGN_OR_RETURN(const std::string text, json.get_string(key));
  Result<std::string> bytes = bytes_from_hex(text);
  if (bytes && bytes->size() == size) return bytes;
  return Error{Code::kInvalid, "\"" + std::string(key) + "\" must be " + std::to_string(2 * size) + " hex digits"};
}

Result<Grant> parse_grant(const Json& json) {
  if (!json.is_object()) return Error{Code::kInvalid, "a grant must be an object"};
  Grant grant;
  if (json.find("name") != nullptr) {
    ASSIGN_OR_RETURN(grant.name, json.get_string("name"));
  }
  if (grant.name.size() > kMaxRecipientName) return Error{Code::kExhausted, "a grant's name is too long"};
  if (!is_recipient_name(grant.name)) return Error{Code::kInvalid, "a grant's name has control characters"};
  ASSIGN_OR_RETURN(grant.to, digest_at(json, "to"));
  ASSIGN_OR_RETURN(const std::string encapsulated,
                   bytes_at(json, "encapsulated", grant.message.encapsulated.bytes.size()));
  std::ranges::copy(std::as_bytes(std::span(encapsulated)), grant.message.encapsulated.bytes.begin());
  ASSIGN_OR_RETURN(const std::string sealed, bytes_at(json, "sealed", Secret::kBytes + kTagBytes));
  const std::span<const std::byte> bytes = std::as_bytes(std::span(sealed));
  grant.message.sealed.assign(bytes.begin(), bytes.end());
  return grant;
}

Result<Grants::Kind> parse_kind(const Json& json) {
  ASSIGN_OR_RETURN(const std::string kind, json.get_string("kind"));
  for (const Grants::Kind known : {Grants::Kind::kContent, Grants::Kind::kGroup}) {
    if (kind == name_of(known)) return known;
  }
  return Error{Code::kUnsupported, "grants of kind '" + kind + "' are not known here"};
}

Result<ExchangeKey> open_group(const Grants& file, std::span<const KeyAgreement* const> keys) {
  ASSIGN_OR_RETURN(const Secret secret, open_grants(file, keys));
  ASSIGN_OR_RETURN(ExchangeKey group, ExchangeKey::of_bytes(secret));
  if (group.public_key().id() == file.about) return group;
  return Error{Code::kUntrusted, "the grants of a group hold another key than the group's"};
}

// The groups whose private keys the keys open, also by way of each other. One that does not open keeps no other one
// closed; `failed` is the last such error.
std::vector<ExchangeKey> open_groups(std::span<const Grants> files, std::span<const KeyAgreement* const> keys,
                                     Status& failed) {
  std::vector<ExchangeKey> groups;
  groups.reserve(files.size());  // keys below point into it
  std::vector<const KeyAgreement*> held(keys.begin(), keys.end());
  std::vector<const Grants*> closed;
  for (const Grants& file : files) {
    if (file.kind == Grants::Kind::kGroup) closed.push_back(&file);
  }
  const auto opens = [&](const Grants* file) {
    const bool can_open = std::ranges::any_of(
        held, [&](const KeyAgreement* key) { return find_grant(*file, key->public_key().id()) != nullptr; });
    if (!can_open) return false;
    Result<ExchangeKey> group = open_group(*file, held);
    if (!group) {
      failed = group.error();
      return false;
    }
    groups.push_back(std::move(*group));
    held.push_back(&groups.back());
    return true;
  };
  while (std::erase_if(closed, opens) > 0) {
  }
  return groups;
}

// Structure outside of texts, which is what takes memory once it is parsed: a grant has five such characters.
constexpr std::size_t kMaxStructure = 8 * kMaxGrants;

std::size_t structure_of(std::string_view text) {
  std::size_t count = 0;
  bool in_text = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') in_text = !in_text;
    if (in_text && c == '\\') ++i;
    if (!in_text && (c == ',' || c == '[' || c == '{')) ++count;
  }
  return count;
}

}  // namespace

Status add_grant(Grants& grants, const Secret& secret, const Recipient& to) {
  if (find_grant(grants, to.key.id()) != nullptr) return {};
  if (grants.grants.size() >= kMaxGrants)
    return Error{Code::kExhausted, "a file holds at most " + std::to_string(kMaxGrants) +
                                       " grants; grant it to a group of devices instead"};
  ASSIGN_OR_RETURN(HpkeMessage message, hpke_seal(to.key, purpose_of(grants), secret.bytes()));
  grants.grants.push_back({to.name, to.key.id(), std::move(message)});
  return {};
}

Result<Secret> open_grants(const Grants& grants, std::span<const KeyAgreement* const> keys) {
  std::optional<Error> failed;
  for (const KeyAgreement* const key : keys) {
    const Grant* const grant = find_grant(grants, key->public_key().id());
    if (grant == nullptr) continue;
    Secret secret;
    const Status opened = hpke_open(*key, grant->message, purpose_of(grants), secret.writable());
    if (opened) return secret;
    failed = opened.error();
  }
  return failed ? *failed : nobody_can(grants);
}

Result<std::vector<ContentKey>> find_content_keys(const Digest& manifest, std::span<const Grants> files,
                                                  std::span<const KeyAgreement* const> keys) {
  Status failed;
  const std::vector<ExchangeKey> groups = open_groups(files, keys, failed);
  std::vector<const KeyAgreement*> held(keys.begin(), keys.end());
  for (const ExchangeKey& group : groups) held.push_back(&group);
  std::vector<ContentKey> found;
  std::optional<Error> last;
  for (const Grants& file : files) {
    if (file.kind != Grants::Kind::kContent || file.about != manifest) continue;
    const Result<Secret> secret = open_grants(file, held);
    if (secret) found.emplace_back(*secret);
    if (!secret) last = secret.error();
  }
  if (!found.empty()) return found;
  if (!last)
    return Error{Code::kNotFound, "no grants are there for the bundle whose manifest has the SHA-256 " +
                                      manifest.hex() + "; they lie beside it as BUNDLE.grants"};
  if (!failed) last->message += "; a group's grants did not open: " + failed.error().message;
  return *last;
}

Result<ContentKey> find_content_key(const Digest& manifest, std::span<const Grants> files,
                                    std::span<const KeyAgreement* const> keys) {
  ASSIGN_OR_RETURN(const std::vector<ContentKey> found, find_content_keys(manifest, files, keys));
  return found.front();
}

bool is_recipient_name(std::string_view name) {
  if (name.size() > kMaxRecipientName) return false;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const auto byte = static_cast<unsigned char>(name[i]);
    const unsigned char after = i + 1 < name.size() ? static_cast<unsigned char>(name[i + 1]) : 0;
    if (byte < 0x20 || byte == 0x7F || (byte == 0xC2 && after >= 0x80 && after < 0xA0)) return false;
  }
  return true;
}

Result<Grants> parse_grants(std::string_view text) {
  if (text.size() > kMaxGrantsBytes || structure_of(text) > kMaxStructure)
    return Error{Code::kExhausted, "this is longer than " + std::to_string(kMaxGrants) + " grants can be"};
  ASSIGN_OR_RETURN(const Json json, Json::parse(text, {kMaxGrantsBytes, 8}));
  ASSIGN_OR_RETURN(const std::int64_t format, json.get_integer("format"));
  if (format != kGrantsFormat)
    return Error{Code::kUnsupported, "grants of format " + std::to_string(format) + " are not known here"};
  Grants grants;
  ASSIGN_OR_RETURN(grants.kind, parse_kind(json));
  ASSIGN_OR_RETURN(grants.about, digest_at(json, "about"));
  const Json* const list = json.find("grants");
  if (list == nullptr || !list->is_array()) return Error{Code::kInvalid, "\"grants\" must be a list"};
  if (list->as_array().size() > kMaxGrants)
    return Error{Code::kExhausted, "over " + std::to_string(kMaxGrants) + " grants"};
  for (const Json& item : list->as_array()) {
    ASSIGN_OR_RETURN(Grant grant, parse_grant(item));
    grants.grants.push_back(std::move(grant));
  }
  return grants;
}

std::string write_grants(const Grants& grants) {
  Json list = Json::array();
  for (const Grant& grant : grants.grants) {
    list.push_back(Json::object({{"name", grant.name},
                                 {"to", grant.to.hex()},
                                 {"encapsulated", hex_of(grant.message.encapsulated.bytes)},
                                 {"sealed", hex_of(grant.message.sealed)}}));
  }
  return Json::object({{"format", kGrantsFormat},
                       {"kind", name_of(grants.kind)},
                       {"about", grants.about.hex()},
                       {"grants", std::move(list)}})
             .dump(1) +
         "\n";
}

}  // namespace arete::bundle
