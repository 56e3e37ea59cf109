#include "bundle/tuf_author.h"

#include <chrono>

#include "bundle/tuf_trust.h"

namespace arete::bundle::tuf {
namespace {

constexpr const char* kSpecVersion = "1.0.34";

std::string two_digits(std::int64_t number) { return (number < 10 ? "0" : "") + std::to_string(number); }

// The document after `before`: one version on, with new dates.
Json next_document(const Json& before, const char* role, const Dates& dates) {
  Json next = before.is_null() ? empty_document(role, 0) : before;
  next.set("version", next.find("version")->as_int64() + 1);
  next.set("issued", format_time(dates.issued_s));
  next.set("expires", format_time(dates.expires_s));
  return next;
}

Json hashes_of(const Digest& sha256) { return Json::object({{"sha256", sha256.hex()}}); }

// An object member with entries new or instead of others.
void merge(Json& document, const char* member, const std::map<std::string, Json>& entries) {
  const Json* const before = document.find(member);
  Json merged = before != nullptr ? *before : Json::object();
  for (const auto& [name, entry] : entries) merged.set(name, entry);
  document.set(member, std::move(merged));
}

}  // namespace

Result<RootDraft> draft_of_root(std::string_view text) {
  ASSIGN_OR_RETURN(const Trust trust, Trust::make(text, {}));
  const Root& root = trust.root();
  RootDraft draft{root.common.version, root.common.expires_s, {}};
  // It parsed as a root, so these members are there.
  ASSIGN_OR_RETURN(const Envelope envelope, parse_envelope(text));
  const Json& keys = *envelope.signed_part.find("keys");
  for (const auto& [name, role] : root.roles) {
    RoleDraft& made = draft.roles[name];
    made.threshold = role.threshold;
    for (const std::string& id : role.key_ids) {
      const Json* const key = keys.find(id);
      if (key == nullptr) return Error{Code::kInvalid, "the root names a key of " + name + " that it does not hold"};
      made.keys.emplace(id, *key);
    }
  }
  return draft;
}

Json signed_part(const RootDraft& draft) {
  std::map<std::string, Json> all;
  Json roles = Json::object();
  for (const auto& [name, role] : draft.roles) {
    Json ids = Json::array();
    for (const auto& [id, key] : role.keys) {
      all.emplace(id, key);
      ids.push_back(id);
    }
    roles.set(name, Json::object({{"keyids", std::move(ids)}, {"threshold", role.threshold}}));
  }
  Json keys = Json::object();
  for (const auto& [id, key] : all) keys.set(id, key);
  return Json::object({{"_type", "root"},
                       {"spec_version", kSpecVersion},
                       {"version", draft.version},
                       {"expires", format_time(draft.expires_s)},
                       {"consistent_snapshot", true},
                       {"keys", std::move(keys)},
                       {"roles", std::move(roles)}});
}

bool replace_key(RootDraft& draft, const std::string& id, const SigningKey& by) {
  bool replaced = false;
  for (auto& [name, role] : draft.roles) {
    if (role.keys.erase(id) == 0) continue;
    role.keys.emplace(by.id(), by.public_json());
    replaced = true;
  }
  return replaced;
}

Result<Json> with_signature(const Json& envelope, const SigningKey& key) {
  const Json* const part = envelope.find("signed");
  const Json* const signatures = envelope.find("signatures");
  if (part == nullptr || signatures == nullptr || !signatures->is_array())
    return Error{Code::kInvalid, "this is no TUF document: it has no \"signed\" and \"signatures\""};
  const SigningKey* const signer = &key;
  ASSIGN_OR_RETURN(const Json made, sign_envelope(*part, std::span(&signer, 1)));
  Json all = Json::array();
  for (const Json& signature : signatures->as_array()) {
    const Json* const id = signature.find("keyid");
    if (id == nullptr || !id->is_string() || id->as_string() != key.id()) all.push_back(signature);
  }
  all.push_back(made.find("signatures")->as_array().front());
  return Json::object({{"signatures", std::move(all)}, {"signed", *part}});
}

Status check_next_root(const std::optional<std::string>& before, std::string_view next) {
  if (!before) {
    const Result<Trust> first = Trust::make(next, {});
    return first ? Status() : Status(first.error());
  }
  ASSIGN_OR_RETURN(Trust trust, Trust::make(*before, {}));
  return trust.update_root(next);
}

Json empty_document(const std::string& role, std::int64_t version) {
  return Json::object({{"_type", role}, {"spec_version", kSpecVersion}, {"version", version}});
}

Json next_targets(const Json& before, const Dates& dates, const std::map<std::string, Json>& entries,
                  const std::set<std::string>& without) {
  Json next = next_document(before, "targets", dates);
  if (const Json* const all = next.find("targets"); all != nullptr && !without.empty()) {
    Json kept = Json::object();
    for (const auto& [name, entry] : all->as_object()) {
      if (!without.contains(name)) kept.set(name, entry);
    }
    next.set("targets", std::move(kept));
  }
  merge(next, "targets", entries);
  return next;
}

Json next_snapshot(const Json& before, const Dates& dates, const std::map<std::string, Json>& documents) {
  Json next = next_document(before, "snapshot", dates);
  merge(next, "meta", documents);
  return next;
}

Json next_timestamp(const Json& before, const Dates& dates, const Json& snapshot) {
  Json next = next_document(before, "timestamp", dates);
  next.set("meta", Json::object({{"snapshot.json", snapshot}}));
  return next;
}

Json meta_of(std::int64_t version, std::string_view text) {
  return Json::object({{"version", version},
                       {"length", static_cast<std::uint64_t>(text.size())},
                       {"hashes", hashes_of(digest_of(std::as_bytes(std::span(text))))}});
}

Json target_of(std::uint64_t bytes, const Digest& sha256, Json custom) {
  return Json::object({{"length", bytes}, {"hashes", hashes_of(sha256)}, {"custom", std::move(custom)}});
}

std::string format_time(std::int64_t seconds) {
  const std::chrono::sys_seconds at{std::chrono::seconds(seconds)};
  const std::chrono::sys_days day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(at - day);
  return std::to_string(static_cast<int>(date.year())) + "-" + two_digits(static_cast<unsigned>(date.month())) + "-" +
         two_digits(static_cast<unsigned>(date.day())) + "T" + two_digits(time.hours().count()) + ":" +
         two_digits(time.minutes().count()) + ":" + two_digits(time.seconds().count()) + "Z";
}

}  // namespace arete::bundle::tuf
