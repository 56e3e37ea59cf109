#include "bundle/repository/key_roots.h"

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

// Keeps it as what it is: complete or not.
Result<RootStep> keep(const KeyFolder& folder, const std::optional<std::string>& before, const Json& envelope) {
  const std::string text = envelope.dump(1) + "\n";
  RootStep step;
  step.version = envelope.find("signed")->find("version")->as_int64();
  const std::string unfinished = folder.at(unfinished_name(step.version));
  if (const Status good = tuf::check_next_root(before, text); !good) {
    step.path = unfinished;
    step.missing = good.error().message;
    RETURN_IF_ERROR(os::write_text(os::real_file_system(), unfinished, text));
    return step;
  }
  RETURN_IF_ERROR(folder.save_root(step.version, text));
  step.path = folder.at(std::to_string(step.version) + ".root.json");
  if (os::real_file_system().info(unfinished)) RETURN_IF_ERROR(os::real_file_system().remove(unfinished));
  return step;
}

Result<RootStep> sign_and_keep(const KeyFolder& folder, Json envelope, const std::set<std::string>& ids,
                               const RootSigners& signers) {
  ASSIGN_OR_RETURN(const std::optional<std::string> before, root_before(folder));
  ASSIGN_OR_RETURN(const std::vector<NamedKey> keys, folder.signing_keys(signers.also));
  for (const NamedKey& named : keys) {
    const std::string id = named.key.id();
    if (!ids.contains(id) || signers.never.contains(id)) continue;
    ASSIGN_OR_RETURN(envelope, tuf::with_signature(envelope, named.key));
  }
  return keep(folder, before, envelope);
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

Result<RootStep> sign_root_further(const KeyFolder& folder, const std::string& path, const RootSigners& signers) {
  ASSIGN_OR_RETURN(const std::string text, os::read_file(os::real_file_system(), path, tuf::kMaxRootBytes));
  const Result<tuf::Envelope> envelope = tuf::parse_envelope(text);
  if (!envelope) return with_context(envelope.error(), path);
  const Result<tuf::Root> root = tuf::parse_root(*envelope);
  if (!root) return with_context(root.error(), path);
  ASSIGN_OR_RETURN(const std::optional<std::string> before, root_before(folder));
  std::set<std::string> ids = root->roles.at("root").key_ids;
  if (before) {
    ASSIGN_OR_RETURN(const tuf::RootDraft old, tuf::draft_of_root(*before));
    for (const auto& [id, key] : old.roles.at("root").keys) ids.insert(id);
  }
  ASSIGN_OR_RETURN(Json json, Json::parse(text));
  return sign_and_keep(folder, std::move(json), ids, signers);
}

}  // namespace arete::bundle
