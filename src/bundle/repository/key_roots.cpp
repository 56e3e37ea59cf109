#include "bundle/repository/key_roots.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>

#include "bundle/tuf_client.h"
#include "os/base/files.h"

namespace arete::bundle {
namespace {

// Nothing for a folder without a root.
Result<std::optional<std::string>> root_before(const KeyFolder& folder) {
  Result<std::string> text = folder.root();
  if (text) return std::optional(std::move(*text));
  if (text.error().code == Code::kNotFound) return std::optional<std::string>();
  return std::move(text).error();
}

Result<std::set<std::string>> root_key_ids(const std::optional<std::string>& before, const tuf::RootDraft& next) {
  std::set<std::string> ids;
  for (const auto& [id, key] : next.roles.at("root").keys) ids.insert(id);
  if (!before) return ids;
  ASSIGN_OR_RETURN(const tuf::RootDraft old, tuf::draft_of_root(*before));
  for (const auto& [id, key] : old.roles.at("root").keys) ids.insert(id);
  return ids;
}

std::string unfinished_name(std::int64_t version) { return std::to_string(version) + ".root.json.unfinished"; }

Status note(const KeyFolder& folder, const std::optional<Revocation>& revocation) {
  return revocation ? folder.revoke({revocation->id}, revocation->role, revocation->at_s) : Status();
}

// Keeps it as what it is: complete or not.
Result<RootStep> keep(const KeyFolder& folder, const std::optional<std::string>& before, const Json& envelope,
                      const std::optional<Revocation>& revocation) {
  const std::string text = envelope.dump(1) + "\n";
  RootStep step;
  step.version = envelope.find("signed")->find("version")->as_int64();
  const std::string unfinished = folder.at(unfinished_name(step.version));
  if (const Status good = tuf::check_next_root(before, text); !good) {
    step.path = unfinished;
    step.missing = good.error().message;
    RETURN_IF_ERROR(os::write_text(os::real_file_system(), unfinished, text));
    RETURN_IF_ERROR(note(folder, revocation));
    return step;
  }
  step.path = folder.at(std::to_string(step.version) + ".root.json");
  // Noted in between: cut off before root.json, the same command finds the same key again.
  RETURN_IF_ERROR(folder.save_root(step.version, text, [&] { return note(folder, revocation); }));
  if (os::real_file_system().info(unfinished)) RETURN_IF_ERROR(os::real_file_system().remove(unfinished));
  return step;
}

Result<RootStep> sign_and_keep(const KeyFolder& folder, Json envelope, const std::set<std::string>& ids,
                               const RootSigners& signers) {
  ASSIGN_OR_RETURN(const std::optional<std::string> before, root_before(folder));
  ASSIGN_OR_RETURN(const auto revoked, folder.revoked_ids());
  for (const NamedKey& named : signers.keys) {
    const std::string id = named.key.id();
    const bool is_revoked = revoked.contains(id) || (signers.revocation && signers.revocation->id == id);
    if (!ids.contains(id) || is_revoked) continue;
    ASSIGN_OR_RETURN(envelope, tuf::with_signature(envelope, named.key));
  }
  return keep(folder, before, envelope, signers.revocation);
}

// Ids that `all` has and `others` has not.
std::vector<std::string> without(const std::set<std::string>& all, const std::set<std::string>& others) {
  std::vector<std::string> left;
  std::ranges::set_difference(all, others, std::back_inserter(left));
  return left;
}

tuf::RoleKeys role_of(const tuf::Root& root, const std::string& name) {
  const auto found = root.roles.find(name);
  return found == root.roles.end() ? tuf::RoleKeys{{}, 0} : found->second;
}

std::vector<RoleChange> changed_roles(const tuf::Root& before, const tuf::Root& next) {
  std::set<std::string> names;
  for (const auto& [name, role] : before.roles) names.insert(name);
  for (const auto& [name, role] : next.roles) names.insert(name);
  std::vector<RoleChange> changes;
  for (const std::string& name : names) {
    const tuf::RoleKeys old = role_of(before, name);
    const tuf::RoleKeys now = role_of(next, name);
    RoleChange change{name, without(now.key_ids, old.key_ids), without(old.key_ids, now.key_ids), old.threshold,
                      now.threshold};
    if (!change.in.empty() || !change.out.empty() || old.threshold != now.threshold) changes.push_back(change);
  }
  return changes;
}

// Ids by which the two mean different keys: TUF does not say how an id is made.
std::vector<std::string> changed_keys(const Json& before, const Json& next) {
  std::vector<std::string> ids;
  for (const auto& [id, key] : next.find("keys")->as_object()) {
    const Json* const old = before.find("keys")->find(id);
    if (old != nullptr && old->dump() != key.dump()) ids.push_back(id);
  }
  return ids;
}

// Members besides those that RootChanges tells of by itself.
std::vector<std::string> other_changes(const Json& before, const Json& next) {
  const std::set<std::string> told = {"version", "expires", "keys", "roles"};
  std::set<std::string> names;
  for (const Json* const document : {&before, &next}) {
    for (const auto& [name, value] : document->as_object()) names.insert(name);
  }
  const auto text = [](const Json& document, const std::string& name) {
    const Json* const value = document.find(name);
    return value == nullptr ? std::string() : value->dump();
  };
  std::erase_if(names, [&](const auto& name) { return told.contains(name) || text(before, name) == text(next, name); });
  return {names.begin(), names.end()};
}

void add_reasons(const RoleChange& change, const std::map<std::string, std::string>& revoked,
                 std::vector<std::string>& reasons) {
  if (change.threshold < change.threshold_before)
    reasons.push_back(change.role + " would take " + std::to_string(change.threshold) + " signatures instead of " +
                      std::to_string(change.threshold_before));
  if (change.in.size() > change.out.size()) reasons.push_back(change.role + " would have more keys than before");
  if (change.role == "root" && std::max(change.in.size(), change.out.size()) > 1)
    reasons.emplace_back("more than one root key would change");
  for (const std::string& id : change.in) {
    if (revoked.contains(id)) reasons.push_back(change.role + " would have the key " + id + ", which is revoked");
  }
}

// Signatures that the copy in the folder has and this one has not.
Result<Json> merged(const KeyFolder& folder, const std::string& waiting, Json envelope, const tuf::Envelope& parsed) {
  const std::string path = folder.at(waiting);
  const Result<std::string> text = os::read_file(os::real_file_system(), path, tuf::kMaxRootBytes);
  if (!text && text.error().code == Code::kNotFound) return envelope;
  if (!text) return text.error();
  const Result<tuf::Envelope> there = tuf::parse_envelope(*text);
  if (!there) return with_context(there.error(), path);
  if (there->signed_bytes != parsed.signed_bytes)
    return Error{Code::kConflict, path + " is another root of that version; remove the one that is given up"};
  ASSIGN_OR_RETURN(Json mine, Json::parse(*text));
  Json all = *mine.find("signatures");
  for (const Json& signature : envelope.find("signatures")->as_array()) {
    if (!there->signatures.contains(signature.get_string("keyid").value_or(""))) all.push_back(signature);
  }
  envelope.set("signatures", std::move(all));
  return envelope;
}

}  // namespace

Result<tuf::RootDraft> begin_next_root(const KeyFolder& folder, std::int64_t expires_s) {
  ASSIGN_OR_RETURN(const std::string text, folder.root());
  Result<tuf::RootDraft> draft = tuf::draft_of_root(text);
  if (!draft) return with_context(std::move(draft).error(), folder.at("root.json"));
  ++draft->version;
  if (const std::string waiting = unfinished_name(draft->version); folder.exists(waiting))
    return Error{Code::kConflict, folder.at(waiting) + " waits for signatures; sign it, or remove it to give it up"};
  draft->expires_s = expires_s;
  return draft;
}

Result<RootStep> sign_root(const KeyFolder& folder, const tuf::RootDraft& draft, const RootSigners& signers) {
  ASSIGN_OR_RETURN(const std::optional<std::string> before, root_before(folder));
  ASSIGN_OR_RETURN(const std::set<std::string> ids, root_key_ids(before, draft));
  return sign_and_keep(folder, Json::object({{"signatures", Json::array()}, {"signed", tuf::signed_part(draft)}}), ids,
                       signers);
}

Result<UnfinishedRoot> read_unfinished_root(const KeyFolder& folder, const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, os::read_file(os::real_file_system(), path, tuf::kMaxRootBytes));
  const Result<tuf::Envelope> envelope = tuf::parse_envelope(text);
  if (!envelope) return with_context(envelope.error(), path);
  const Result<tuf::Root> next = tuf::parse_root(*envelope);
  if (!next) return with_context(next.error(), path);
  const Result<std::string> before_text = folder.root();
  if (!before_text && before_text.error().code == Code::kNotFound)
    return Error{Code::kNotFound, "there is no " + folder.at("root.json") +
                                      "; bring it along with its folder: it shows what the new root changes"};
  if (!before_text) return before_text.error();
  ASSIGN_OR_RETURN(const tuf::Envelope old_envelope, tuf::parse_envelope(*before_text));
  ASSIGN_OR_RETURN(const tuf::Root before, tuf::parse_root(old_envelope));
  if (next->common.version != before.common.version + 1)
    return Error{Code::kInvalid, path + " is root " + std::to_string(next->common.version) + ", but after " +
                                     folder.at("root.json") + " comes root " +
                                     std::to_string(before.common.version + 1)};
  ASSIGN_OR_RETURN(const auto revoked, folder.revoked_ids());
  UnfinishedRoot made;
  made.signers = before.roles.at("root").key_ids;
  made.signers.insert(next->roles.at("root").key_ids.begin(), next->roles.at("root").key_ids.end());
  made.changes = {next->common.version,
                  before.common.expires_s,
                  next->common.expires_s,
                  changed_roles(before, *next),
                  other_changes(old_envelope.signed_part, envelope->signed_part),
                  {}};
  for (const RoleChange& change : made.changes.roles) add_reasons(change, revoked, made.changes.reasons);
  for (const std::string& id : changed_keys(old_envelope.signed_part, envelope->signed_part))
    made.changes.reasons.push_back("the id " + id + " would mean another key");
  for (const std::string& name : made.changes.others) made.changes.reasons.push_back("\"" + name + "\" would change");
  ASSIGN_OR_RETURN(Json json, Json::parse(text));
  ASSIGN_OR_RETURN(made.envelope, merged(folder, unfinished_name(made.changes.version), std::move(json), *envelope));
  return made;
}

Result<RootStep> sign_root_further(const KeyFolder& folder, const UnfinishedRoot& root, const RootSigners& signers) {
  return sign_and_keep(folder, root.envelope, root.signers, signers);
}

}  // namespace arete::bundle
