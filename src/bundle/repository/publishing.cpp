#include "bundle/repository/publishing.h"

#include <algorithm>

#include "bundle/repository/key_roots.h"
#include "bundle/tuf_client.h"
#include "os/base/files.h"

namespace arete::bundle {
namespace {

const os::FileSystem& files() { return os::real_file_system(); }

}  // namespace

std::string Publishing::metadata(const std::string& name) const {
  return os::join_path(os::join_path(repository_, "metadata"), name);
}

Result<Publishing> Publishing::open(const std::string& repository, const KeyFolder& keys) {
  Publishing made(repository);
  ASSIGN_OR_RETURN(const std::string root, keys.root());
  ASSIGN_OR_RETURN(made.root_, tuf::draft_of_root(root));
  ASSIGN_OR_RETURN(made.keys_, keys.signing_keys());
  RETURN_IF_ERROR(files().make_folders(os::join_path(repository, "metadata")));
  ASSIGN_OR_RETURN(made.before_, read_published(repository, made.root_, keys));
  for (std::int64_t version = 1; version <= made.root_.version; ++version) {
    const std::string name = std::to_string(version) + ".root.json";
    ASSIGN_OR_RETURN(const std::string text, os::read_file(files(), keys.at(name), tuf::kMaxRootBytes));
    RETURN_IF_ERROR(os::write_text(files(), made.metadata(name), text));
  }
  return made;
}

Status Publishing::add(const std::string& target, const std::string& file, Json custom) {
  ASSIGN_OR_RETURN(const os::FileInfo info, files().info(file));
  ASSIGN_OR_RETURN(const SharedBytes bytes, files().map(file));
  const Digest sha256 = digest_of(bytes.view);
  const auto there = targets().find(target);
  if (there != targets().end() && there->second.hashes != std::map<std::string, std::string>{{"sha256", sha256.hex()}})
    return Error{Code::kConflict, "'" + target + "' is published with other bytes; give the bundle a new version"};
  const std::string folder = os::join_path(os::join_path(repository_, "targets"), os::folder_of(target));
  const std::string name = target.substr(target.rfind('/') + 1);
  RETURN_IF_ERROR(files().make_folders(folder));
  RETURN_IF_ERROR(files().write(os::join_path(folder, sha256.hex() + "." + name), bytes.view));
  added_[target] = tuf::target_of(info.size_bytes, sha256, std::move(custom));
  return {};
}

Result<std::string> Publishing::signed_text(const std::string& role, const Json& part) const {
  const tuf::RoleDraft& who = root_.roles.at(role);
  std::vector<const SigningKey*> signers;
  for (const NamedKey& named : keys_) {
    if (who.keys.contains(named.key.id())) signers.push_back(&named.key);
  }
  if (std::cmp_less(signers.size(), who.threshold))
    return Error{Code::kNotFound, "the private key that signs " + role +
                                      " is not in the folder of keys; `arete keys "
                                      "list` says which it is"};
  ASSIGN_OR_RETURN(const Json envelope, sign_envelope(part, signers));
  return envelope.dump(1) + "\n";
}

Result<Json> Publishing::write_versioned(const std::string& role, const Json& part) const {
  ASSIGN_OR_RETURN(const std::string text, signed_text(role, part));
  const std::int64_t version = part.find("version")->as_int64();
  RETURN_IF_ERROR(os::write_text(files(), metadata(std::to_string(version) + "." + role + ".json"), text));
  return tuf::meta_of(version, text);
}

Status Publishing::finish(std::int64_t now_s, std::int64_t lists_expire_s, std::int64_t newest_expires_s) {
  const tuf::Dates lists{now_s, lists_expire_s};
  const tuf::Dates newest{now_s, newest_expires_s};
  ASSIGN_OR_RETURN(const Json targets,
                   write_versioned("targets", tuf::next_targets(before_.documents["targets"], lists, added_)));
  ASSIGN_OR_RETURN(const Json snapshot,
                   write_versioned("snapshot", tuf::next_snapshot(before_.documents["snapshot"], lists,
                                                                  {{"targets.json", targets}})));
  ASSIGN_OR_RETURN(const std::string text,
                   signed_text("timestamp", tuf::next_timestamp(before_.documents["timestamp"], newest, snapshot)));
  return os::write_text(files(), metadata("timestamp.json"), text);
}

}  // namespace arete::bundle
