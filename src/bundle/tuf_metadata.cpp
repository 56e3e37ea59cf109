#include "bundle/tuf_metadata.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

#include "bundle/canonical_json.h"
#include "bundle/digest.h"

namespace arete::bundle::tuf {
namespace {

constexpr int kMaxDepth = 32;
constexpr int kMaxBitLength = 32;

Error invalid(const std::string& what) { return {Code::kInvalid, "TUF metadata: " + what}; }

// ---- Members ----

Result<const Json*> member(const Json& json, std::string_view name) {
  const Json* const found = json.find(name);
  if (found == nullptr) return invalid("\"" + std::string(name) + "\" is missing");
  return found;
}

Result<const Json::Object*> object_member(const Json& json, std::string_view name) {
  ASSIGN_OR_RETURN(const Json* const found, member(json, name));
  if (!found->is_object()) return invalid("\"" + std::string(name) + "\" must be an object");
  return &found->as_object();
}

Result<const Json::Array*> array_member(const Json& json, std::string_view name) {
  ASSIGN_OR_RETURN(const Json* const found, member(json, name));
  if (!found->is_array()) return invalid("\"" + std::string(name) + "\" must be a list");
  return &found->as_array();
}

Result<std::string> text_member(const Json& json, std::string_view name) {
  ASSIGN_OR_RETURN(const Json* const found, member(json, name));
  if (!found->is_string()) return invalid("\"" + std::string(name) + "\" must be text");
  return found->as_string();
}

Result<std::int64_t> count_member(const Json& json, std::string_view name, std::int64_t least) {
  ASSIGN_OR_RETURN(const Json* const found, member(json, name));
  if (!found->is_integer() || found->as_int64() < least)
    return invalid("\"" + std::string(name) + "\" must be a whole number from " + std::to_string(least) + " on");
  return found->as_int64();
}

// ---- What all have ----

Result<Common> read_common(const Json& json, std::string_view type) {
  Common common;
  ASSIGN_OR_RETURN(common.type, text_member(json, "_type"));
  if (common.type != type) return invalid("it is of type '" + common.type + "', not '" + std::string(type) + "'");
  ASSIGN_OR_RETURN(const std::string spec, text_member(json, "spec_version"));
  if (spec != "1.0" && !spec.starts_with("1."))
    return Error{Code::kUnsupported, "TUF metadata: specification '" + spec + "' is not known here, 1.0 is"};
  ASSIGN_OR_RETURN(common.version, count_member(json, "version", 1));
  if (common.version > kMaxVersion) return invalid("\"version\" is over " + std::to_string(kMaxVersion));
  ASSIGN_OR_RETURN(const std::string expires, text_member(json, "expires"));
  ASSIGN_OR_RETURN(common.expires_s, parse_time(expires));
  if (json.find("issued") == nullptr) return common;
  ASSIGN_OR_RETURN(const std::string issued, text_member(json, "issued"));
  ASSIGN_OR_RETURN(common.issued_s, parse_time(issued));
  if (*common.issued_s > common.expires_s) return invalid("it was issued after its time");
  return common;
}

Result<Keys> read_keys(const Json& json) {
  ASSIGN_OR_RETURN(const Json::Object* const object, object_member(json, "keys"));
  if (object->size() > kMaxKeys)
    return Error{Code::kExhausted, "TUF metadata: more than " + std::to_string(kMaxKeys) + " keys"};
  Keys keys;
  for (const auto& [id, value] : *object) {
    Result<PublicKey> key = PublicKey::parse(value);
    // A key of a scheme that is not known here signs nothing that counts.
    if (!key && key.error().code == Code::kUnsupported) continue;
    if (!key) return with_context(std::move(key).error(), "TUF metadata: key " + id);
    keys.emplace(id, std::move(*key));
  }
  return keys;
}

Result<RoleKeys> read_role_keys(const Json& json) {
  RoleKeys role;
  ASSIGN_OR_RETURN(role.threshold, count_member(json, "threshold", 1));
  ASSIGN_OR_RETURN(const Json::Array* const ids, array_member(json, "keyids"));
  for (const Json& id : *ids) {
    if (!id.is_string() || !role.key_ids.insert(id.as_string()).second)
      return invalid("\"keyids\" must be different texts");
  }
  return role;
}

Result<FileInfo> read_file_info(const Json& json, bool is_target) {
  FileInfo info;
  if (!is_target) {
    ASSIGN_OR_RETURN(info.version, count_member(json, "version", 1));
  }
  if (is_target || json.find("length") != nullptr) {
    ASSIGN_OR_RETURN(const std::int64_t length, count_member(json, "length", 0));
    info.length = static_cast<std::uint64_t>(length);
  }
  if (is_target || json.find("hashes") != nullptr) {
    ASSIGN_OR_RETURN(const Json::Object* const hashes, object_member(json, "hashes"));
    if (hashes->empty()) return invalid("\"hashes\" must have one at least");
    for (const auto& [kind, value] : *hashes) {
      if (!value.is_string()) return invalid("a hash must be text");
      info.hashes.emplace(kind, value.as_string());
    }
  }
  if (const Json* const custom = json.find("custom")) info.custom = *custom;
  return info;
}

Result<std::map<std::string, FileInfo>> read_file_infos(const Json& json, std::string_view name, bool are_targets) {
  ASSIGN_OR_RETURN(const Json::Object* const object, object_member(json, name));
  std::map<std::string, FileInfo> infos;
  for (const auto& [path, value] : *object) {
    ASSIGN_OR_RETURN(FileInfo info, read_file_info(value, are_targets));
    infos.emplace(path, std::move(info));
  }
  return infos;
}

// ---- Delegations ----

Result<std::vector<std::string>> read_texts(const Json& json, std::string_view name) {
  ASSIGN_OR_RETURN(const Json::Array* const list, array_member(json, name));
  std::vector<std::string> texts;
  for (const Json& item : *list) {
    if (!item.is_string()) return invalid("\"" + std::string(name) + "\" must be a list of texts");
    texts.push_back(item.as_string());
  }
  return texts;
}

Result<DelegatedRole> read_delegated_role(const Json& json) {
  constexpr std::array<std::string_view, 4> kTopLevel = {"root", "timestamp", "snapshot", "targets"};
  DelegatedRole role;
  ASSIGN_OR_RETURN(role.name, text_member(json, "name"));
  if (role.name.empty() || std::ranges::find(kTopLevel, role.name) != kTopLevel.end())
    return invalid("nothing can be delegated to a role named '" + role.name + "'");
  ASSIGN_OR_RETURN(role.keys, read_role_keys(json));
  const Json* const terminating = json.find("terminating");
  if (terminating == nullptr || !terminating->is_bool()) return invalid("\"terminating\" must be true or false");
  role.terminating = terminating->as_bool();
  const bool has_paths = json.find("paths") != nullptr;
  if (has_paths == (json.find("path_hash_prefixes") != nullptr))
    return invalid("role '" + role.name + "' must have either \"paths\" or \"path_hash_prefixes\"");
  ASSIGN_OR_RETURN((has_paths ? role.paths : role.hash_prefixes),
                   read_texts(json, has_paths ? "paths" : "path_hash_prefixes"));
  return role;
}

Result<SuccinctRoles> read_succinct(const Json& json) {
  SuccinctRoles roles;
  ASSIGN_OR_RETURN(roles.keys, read_role_keys(json));
  ASSIGN_OR_RETURN(const std::int64_t bits, count_member(json, "bit_length", 1));
  if (bits > kMaxBitLength) return invalid("\"bit_length\" must be 1 to " + std::to_string(kMaxBitLength));
  roles.bit_length = static_cast<int>(bits);
  ASSIGN_OR_RETURN(roles.name_prefix, text_member(json, "name_prefix"));
  return roles;
}

Result<Delegations> read_delegations(const Json& json) {
  Delegations delegations;
  ASSIGN_OR_RETURN(delegations.keys, read_keys(json));
  const Json* const succinct = json.find("succinct_roles");
  if ((succinct != nullptr) == (json.find("roles") != nullptr))
    return invalid("delegations must have either \"roles\" or \"succinct_roles\"");
  if (succinct != nullptr) {
    ASSIGN_OR_RETURN(delegations.succinct, read_succinct(*succinct));
    return delegations;
  }
  ASSIGN_OR_RETURN(const Json::Array* const roles, array_member(json, "roles"));
  std::set<std::string> names;
  for (const Json& item : *roles) {
    ASSIGN_OR_RETURN(DelegatedRole role, read_delegated_role(item));
    if (!names.insert(role.name).second) return invalid("two delegated roles are named '" + role.name + "'");
    delegations.roles.push_back(std::move(role));
  }
  return delegations;
}

// ---- Patterns of paths ----

// One part of a path against one of a pattern: '*' is any text, '?' any byte, "[a-c]" and "[!a-c]" one of a set.
bool matches_set(std::string_view pattern, std::size_t& at, char c) {
  std::size_t i = at + 1;
  const bool negated = i < pattern.size() && pattern[i] == '!';
  if (negated) ++i;
  bool found = false;
  for (const std::size_t first = i; i < pattern.size() && (pattern[i] != ']' || i == first); ++i) {
    if (i + 2 < pattern.size() && pattern[i + 1] == '-' && pattern[i + 2] != ']') {
      found = found || (pattern[i] <= c && c <= pattern[i + 2]);
      i += 2;
    } else {
      found = found || pattern[i] == c;
    }
  }
  if (i == pattern.size()) return pattern[at] == c;  // no set: '[' itself
  at = i;
  return found != negated;
}

bool matches_part(std::string_view pattern, std::string_view text) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;
  std::size_t star_text = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_text = t;
      continue;
    }
    std::size_t next = p;
    const bool same =
        p < pattern.size() &&
        (pattern[p] == '?' || (pattern[p] == '[' ? matches_set(pattern, next, text[t]) : pattern[p] == text[t]));
    if (same) {
      p = next + 1;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++star_text;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

std::vector<std::string_view> parts_of(std::string_view path) {
  std::vector<std::string_view> parts;
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    parts.push_back(path.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

bool matches(std::string_view pattern, std::string_view path) {
  const std::vector<std::string_view> wanted = parts_of(pattern);
  const std::vector<std::string_view> given = parts_of(path);
  return std::ranges::equal(wanted, given, matches_part);
}

Digest path_digest(std::string_view path) { return digest_of(std::as_bytes(std::span(path))); }

// ---- Hashes ----

std::string hex_of_hash(const EVP_MD* kind, std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  unsigned size = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), hash.data(), &size, kind, nullptr) != 1) return {};
  return hex_of(std::as_bytes(std::span(hash.data(), size)));
}

bool all_digits(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

int number_of(std::string_view digits) {
  int value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

}  // namespace

Result<std::int64_t> parse_time(std::string_view text) {
  const Error wrong = invalid("'" + std::string(text.substr(0, 40)) + "' is no time like 2026-11-27T10:00:00Z");
  constexpr std::string_view kForm = "0000-00-00T00:00:00Z";
  if (text.size() != kForm.size()) return wrong;
  for (std::size_t i = 0; i < kForm.size(); ++i) {
    if (kForm[i] == '0' ? !all_digits(text.substr(i, 1)) : text[i] != kForm[i]) return wrong;
  }
  const std::chrono::year_month_day day{std::chrono::year(number_of(text.substr(0, 4))),
                                        std::chrono::month(static_cast<unsigned>(number_of(text.substr(5, 2)))),
                                        std::chrono::day(static_cast<unsigned>(number_of(text.substr(8, 2))))};
  const int hours = number_of(text.substr(11, 2));
  const int minutes = number_of(text.substr(14, 2));
  const int seconds = number_of(text.substr(17, 2));
  if (!day.ok() || hours > 23 || minutes > 59 || seconds > 59) return wrong;
  const std::chrono::sys_seconds at = std::chrono::sys_days(day) + std::chrono::hours(hours) +
                                      std::chrono::minutes(minutes) + std::chrono::seconds(seconds);
  return at.time_since_epoch().count();
}

Status FileInfo::check(std::string_view name, std::string_view bytes) const {
  const std::string what = "'" + std::string(name) + "'";
  if (length && bytes.size() != *length) {
    return Error{Code::kUntrusted,
                 what + " has " + std::to_string(bytes.size()) + " bytes, signed are " + std::to_string(*length)};
  }
  for (const auto& [kind, hex] : hashes) {
    const EVP_MD* const known = kind == "sha256" ? EVP_sha256() : kind == "sha512" ? EVP_sha512() : nullptr;
    if (known == nullptr)
      return Error{Code::kUntrusted, what + " is signed with the hash " + kind + ", which is not known here"};
    if (hex_of_hash(known, bytes) != hex)
      return Error{Code::kUntrusted, what + " has another " + kind + " than was signed"};
  }
  return {};
}

bool DelegatedRole::covers(std::string_view path) const {
  if (std::ranges::any_of(paths, [&](const std::string& pattern) { return matches(pattern, path); })) return true;
  if (hash_prefixes.empty()) return false;
  const std::string hex = path_digest(path).hex();
  return std::ranges::any_of(hash_prefixes, [&](const std::string& prefix) { return hex.starts_with(prefix); });
}

std::string SuccinctRoles::name_for(std::string_view path) const {
  const Digest digest = path_digest(path);
  std::uint32_t first = 0;
  for (int i = 0; i < 4; ++i)
    first = (first << 8U) | std::to_integer<std::uint32_t>(digest.bytes[static_cast<std::size_t>(i)]);
  const std::uint32_t bin =
      bit_length == kMaxBitLength ? first : first >> static_cast<unsigned>(kMaxBitLength - bit_length);
  std::array<char, 9> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), bin, 16).ptr;
  const std::string hex(digits.data(), end);
  const auto width = static_cast<std::size_t>((bit_length + 3) / 4);
  return name_prefix + "-" + std::string(width - std::min(width, hex.size()), '0') + hex;
}

const RoleKeys* Delegations::find(const std::string& name) const {
  if (succinct) return name.starts_with(succinct->name_prefix + "-") ? &succinct->keys : nullptr;
  const auto found = std::ranges::find(roles, name, &DelegatedRole::name);
  return found == roles.end() ? nullptr : &found->keys;
}

Result<Envelope> parse_envelope(std::string_view text) {
  Result<Json> json = Json::parse(text, {kMaxMetadataBytes, kMaxDepth});
  if (!json) return with_context(std::move(json).error(), "TUF metadata");
  Envelope envelope;
  ASSIGN_OR_RETURN([[maybe_unused]] const Json::Object* const object, object_member(*json, "signed"));
  envelope.signed_part = *json->find("signed");
  ASSIGN_OR_RETURN(envelope.signed_bytes, canonical_json(envelope.signed_part));
  ASSIGN_OR_RETURN(const Json::Array* const signatures, array_member(*json, "signatures"));
  if (signatures->size() > kMaxSignatures)
    return Error{Code::kExhausted, "TUF metadata: more than " + std::to_string(kMaxSignatures) + " signatures"};
  for (const Json& item : *signatures) {
    ASSIGN_OR_RETURN(const std::string id, text_member(item, "keyid"));
    ASSIGN_OR_RETURN(const std::string hex, text_member(item, "sig"));
    // An empty or odd one is no signature, and no reason to refuse the others.
    if (!envelope.signatures.emplace(id, bytes_from_hex(hex).value_or("")).second)
      return invalid("key " + id + " signed twice");
  }
  return envelope;
}

Result<Root> parse_root(const Envelope& envelope) {
  const Json& json = envelope.signed_part;
  Root root;
  ASSIGN_OR_RETURN(root.common, read_common(json, "root"));
  if (const Json* const consistent = json.find("consistent_snapshot")) {
    if (!consistent->is_bool()) return invalid("\"consistent_snapshot\" must be true or false");
    root.consistent_snapshot = consistent->as_bool();
  }
  ASSIGN_OR_RETURN(root.keys, read_keys(json));
  ASSIGN_OR_RETURN(const Json::Object* const roles, object_member(json, "roles"));
  for (const auto& [name, value] : *roles) {
    ASSIGN_OR_RETURN(RoleKeys role, read_role_keys(value));
    root.roles.emplace(name, std::move(role));
  }
  for (const char* const name : {"root", "timestamp", "snapshot", "targets"}) {
    if (!root.roles.contains(name)) return invalid("root says nothing of the role '" + std::string(name) + "'");
  }
  return root;
}

Result<Timestamp> parse_timestamp(const Envelope& envelope) {
  Timestamp timestamp;
  ASSIGN_OR_RETURN(timestamp.common, read_common(envelope.signed_part, "timestamp"));
  ASSIGN_OR_RETURN(const auto meta, read_file_infos(envelope.signed_part, "meta", false));
  const auto snapshot = meta.find("snapshot.json");
  if (snapshot == meta.end() || meta.size() != 1) return invalid("timestamp must be about \"snapshot.json\" alone");
  timestamp.snapshot = snapshot->second;
  return timestamp;
}

Result<Snapshot> parse_snapshot(const Envelope& envelope) {
  Snapshot snapshot;
  ASSIGN_OR_RETURN(snapshot.common, read_common(envelope.signed_part, "snapshot"));
  ASSIGN_OR_RETURN(snapshot.meta, read_file_infos(envelope.signed_part, "meta", false));
  return snapshot;
}

Result<Targets> parse_targets(const Envelope& envelope) {
  Targets targets;
  ASSIGN_OR_RETURN(targets.common, read_common(envelope.signed_part, "targets"));
  ASSIGN_OR_RETURN(targets.targets, read_file_infos(envelope.signed_part, "targets", true));
  if (const Json* const delegations = envelope.signed_part.find("delegations")) {
    ASSIGN_OR_RETURN(targets.delegations, read_delegations(*delegations));
  }
  return targets;
}

Status check_signatures(const Envelope& envelope, const Keys& keys, const RoleKeys& role, std::string_view name) {
  std::set<std::string> good;  // one key under two names is one key
  const std::span<const std::byte> message = std::as_bytes(std::span(envelope.signed_bytes));
  for (const std::string& id : role.key_ids) {
    const auto key = keys.find(id);
    const auto signature = envelope.signatures.find(id);
    if (key == keys.end() || signature == envelope.signatures.end()) continue;
    if (key->second.verifies(std::as_bytes(std::span(signature->second)), message)) good.insert(key->second.identity());
  }
  if (static_cast<std::int64_t>(good.size()) >= role.threshold) return {};
  return Error{Code::kUntrusted, "'" + std::string(name) + "' is signed by " + std::to_string(good.size()) +
                                     " of its keys, it takes " + std::to_string(role.threshold)};
}

}  // namespace arete::bundle::tuf
