// `arete keys new trust`: the first root, and the keys that it names.
#include <iostream>

#include "apps/cli.h"
#include "apps/keys_new.h"
#include "apps/keys_options.h"

namespace arete::apps {
namespace {

namespace tuf = bundle::tuf;

Result<bundle::SigningKey> add_role_key(const bundle::KeyFolder& folder, const std::string& name,
                                        tuf::RoleDraft& role) {
  ASSIGN_OR_RETURN(bundle::SigningKey key, bundle::SigningKey::generate());
  RETURN_IF_ERROR(folder.keep(name, key));
  role.keys.emplace(key.id(), key.public_json());
  return key;
}

// The first root and nothing else may be made here.
Status check_no_root(const bundle::KeyFolder& folder) {
  const Result<std::string> root = folder.root();
  if (root)
    return Error{Code::kConflict, folder.at("root.json") +
                                      " is there already; rotate its keys instead, or choose "
                                      "another folder with --keys"};
  if (root.error().code != Code::kNotFound) return root.error();
  if (!folder.exists("2.root.json")) return {};
  return Error{Code::kConflict, folder.at("root.json") + " is missing, but " + folder.at("2.root.json") +
                                    " is there; copy the newest N.root.json to root.json"};
}

Result<bundle::RootStep> first_root(const KeysNew& o, const bundle::KeyFolder& folder) {
  RETURN_IF_ERROR(check_not_given(*o.app, {"--member"}, "the root"));
  if (o.threshold > o.roots)
    return Error{Code::kInvalid, "--threshold " + std::to_string(o.threshold) + " of --roots " +
                                     std::to_string(o.roots) + " keys cannot be met"};
  RETURN_IF_ERROR(check_no_root(folder));
  tuf::RootDraft draft{1, now_s() + o.days * kSecondsADay, {}};
  bundle::RootSigners signers;
  for (std::int64_t i = 0; i < o.roots; ++i) {
    ASSIGN_OR_RETURN(bundle::SigningKey key, add_role_key(folder, "root", draft.roles["root"]));
    signers.keys.push_back({"", std::move(key)});
  }
  draft.roles["root"].threshold = o.threshold;
  RETURN_IF_ERROR(add_role_key(folder, "targets", draft.roles["targets"]));
  // The hub has it, and signs alone what is newest (docs/keys.md).
  RETURN_IF_ERROR(add_role_key(folder, "online", draft.roles["snapshot"]));
  draft.roles["timestamp"] = draft.roles["snapshot"];
  return bundle::sign_root(folder, draft, signers);
}

}  // namespace

int new_trust(const KeysNew& o, const bundle::KeyFolder& folder) {
  const Result<bundle::RootStep> step = first_root(o, folder);
  if (!step) return fail(step.error());
  const int status = tell_root(*step, o.json);
  if (!o.json) {
    std::cout << "\nDevices are given " << folder.at("root.json") << ".\nNow take root-*.key to " << o.roots
              << " places, offline: whoever has " << o.threshold
              << " of them rules the fleet.\ntargets-*.key signs releases, online-*.key is for the hub.\n";
  }
  return status;
}

}  // namespace arete::apps
