// `arete keys rotate` and `revoke` of a key that the root names.
#include <iostream>

#include "apps/cli.h"
#include "apps/keys_change.h"
#include "apps/keys_options.h"

namespace arete::apps {
namespace {

namespace tuf = bundle::tuf;

// The keys of the root that `what` names: a role with one key, or the first digits of an id.
Result<std::string> key_named(const tuf::RootDraft& root, const std::string& what) {
  std::set<std::string> found;
  for (const auto& [name, role] : root.roles) {
    const bool is_role = name == what || (what == "online" && name == "timestamp");
    for (const auto& [id, key] : role.keys) {
      if (is_role || (what.size() >= bundle::kShortId && id.starts_with(what))) found.insert(id);
    }
  }
  if (found.size() == 1) return *found.begin();
  if (found.empty()) return Error{Code::kNotFound, "no key of the root is '" + what + "'; `arete keys list` has them"};
  return Error{Code::kInvalid, "'" + what + "' names " + std::to_string(found.size()) +
                                   " keys; say which by the first " + std::to_string(bundle::kShortId) +
                                   " digits of its id"};
}

std::string role_of(const tuf::RootDraft& root, const std::string& id) {
  if (root.roles.at("root").keys.contains(id)) return "root";
  return root.roles.at("targets").keys.contains(id) ? "targets" : "online";
}

// A new key in the place of the old one, which signs this root too unless it is revoked.
struct Replaced {
  std::string role, old, key, path;
};
Result<Replaced> replace(const KeysChange& o, const bundle::KeyFolder& folder, tuf::RootDraft& draft,
                         std::vector<bundle::NamedKey>& keys) {
  Replaced made;
  ASSIGN_OR_RETURN(made.old, key_named(draft, o.what));
  made.role = role_of(draft, made.old);
  ASSIGN_OR_RETURN(const bundle::SigningKey key, bundle::SigningKey::generate());
  ASSIGN_OR_RETURN(made.path, folder.keep(made.role, key));
  made.key = key.id();
  tuf::replace_key(draft, made.old, key);
  keys.push_back({made.path, key});
  return made;
}

Result<bundle::RootStep> next_root(const KeysChange& o, const bundle::KeyFolder& folder, Replaced& replaced) {
  RETURN_IF_ERROR(check_not_given(*o.app, {"--member"}, "a key of the root"));
  ASSIGN_OR_RETURN(tuf::RootDraft draft, bundle::begin_next_root(folder, now_s() + o.days * kSecondsADay));
  // Before anything is written: a path that is wrong leaves the folder as it was.
  bundle::RootSigners signers;
  ASSIGN_OR_RETURN(signers.keys, folder.signing_keys(o.also));
  if (o.is_revoked || o.what != "root") {
    ASSIGN_OR_RETURN(replaced, replace(o, folder, draft, signers.keys));
  }
  if (o.is_revoked) signers.revocation = {replaced.old, replaced.role, now_s()};
  return bundle::sign_root(folder, draft, signers);
}

}  // namespace

int change_root(const KeysChange& o, const bundle::KeyFolder& folder) {
  Replaced replaced;
  const Result<bundle::RootStep> step = next_root(o, folder, replaced);
  if (!step) return fail(step.error());
  Json more = Json::object();
  if (!replaced.old.empty()) {
    more.set("old", replaced.old);
    more.set("new", replaced.key);
    more.set("private", replaced.path);
    if (!o.json)
      std::cout << replaced.role << ": " << replaced.path << " instead of " << replaced.old.substr(0, bundle::kShortId)
                << "\n";
  }
  return tell_root(*step, o.json, std::move(more));
}

}  // namespace arete::apps
