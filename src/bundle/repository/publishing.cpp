#include "bundle/repository/publishing.h"

#include <algorithm>
#include <utility>

#include "bundle/tuf_client.h"
#include "os/base/files.h"

namespace arete::bundle {
namespace {

const os::FileSystem& files() { return os::real_file_system(); }

Status check_place(const std::string& repository) {
  if (repository.empty() || repository.find("://") != std::string::npos)
    return Error{Code::kInvalid, "'" + repository +
                                     "' is no folder to publish into; serve the folder as files, or copy "
                                     "it, when it is published"};
  return {};
}

// What stands for a version that is to be followed by the next one.
Json after(const Json& before, const std::string& role, std::int64_t version) {
  Json document = before.is_null() ? tuf::empty_document(role, version) : before;
  document.set("version", version);
  return document;
}

}  // namespace

std::string Publishing::metadata(const std::string& name) const {
  return os::join_path(os::join_path(repository_, "metadata"), name);
}

Result<Publishing> Publishing::open(const std::string& repository, const KeyFolder& keys, std::int64_t now_s) {
  RETURN_IF_ERROR(check_place(repository));
  Publishing made(repository, keys);
  ASSIGN_OR_RETURN(const std::string root, keys.root());
  ASSIGN_OR_RETURN(made.root_, tuf::draft_of_root(root));
  if (made.root_.expires_s <= now_s)
    return Error{Code::kUntrusted, keys.at("root.json") +
                                       " is past its time: devices would refuse everything; `arete "
                                       "keys rotate root` renews it"};
  RETURN_IF_ERROR(files().make_folders(os::join_path(repository, "metadata")));
  ASSIGN_OR_RETURN(os::FolderLock keys_lock, keys.lock());
  ASSIGN_OR_RETURN(os::FolderLock repository_lock, os::FolderLock::take(repository));
  made.locks_.push_back(std::move(keys_lock));
  made.locks_.push_back(std::move(repository_lock));
  ASSIGN_OR_RETURN(made.keys_, keys.signing_keys());
  ASSIGN_OR_RETURN(made.before_, read_published(repository, keys));
  return made;
}

Status Publishing::add(const std::string& target, const std::string& file, Json custom, bool may_replace) {
  ASSIGN_OR_RETURN(const SharedBytes bytes, files().map(file));
  const Digest sha256 = digest_of(bytes.view);
  const std::map<std::string, std::string> hashes = {{"sha256", sha256.hex()}};
  const auto there = before_.targets.find(target);
  if (there != before_.targets.end() && there->second.hashes != hashes && !may_replace)
    return Error{Code::kConflict, "'" + target + "' is published with other bytes; give the bundle a new version"};
  const std::string folder = os::join_path(os::join_path(repository_, "targets"), os::folder_of(target));
  const std::string name = target.substr(target.rfind('/') + 1);
  RETURN_IF_ERROR(files().make_folders(folder));
  RETURN_IF_ERROR(files().write(os::join_path(folder, sha256.hex() + "." + name), bytes.view));
  before_.targets[target] = {.length = bytes.view.size(), .hashes = hashes, .custom = custom};
  added_[target] = tuf::target_of(bytes.view.size(), sha256, std::move(custom));
  withdrawn_.erase(target);
  return {};
}

std::string Publishing::place_for(const std::string& name) const { return os::join_path(repository_, name); }

bool Publishing::withdraw(const std::string& target) {
  if (before_.targets.erase(target) == 0) return false;
  added_.erase(target);
  withdrawn_.insert(target);
  return true;
}

std::vector<const SigningKey*> Publishing::signers_of(const std::string& role) const {
  const tuf::RoleDraft& who = root_.roles.at(role);
  std::vector<const SigningKey*> signers;
  for (const NamedKey& named : keys_) {
    if (who.keys.contains(named.key.id())) signers.push_back(&named.key);
  }
  return signers;
}

Result<std::string> Publishing::signed_text(const std::string& role, const Json& part) const {
  const std::vector<const SigningKey*> signers = signers_of(role);
  const tuf::RoleDraft& who = root_.roles.at(role);
  if (std::cmp_less(signers.size(), who.threshold))
    return Error{Code::kNotFound, "the private key that signs " + role + ", " + who.keys.begin()->first +
                                      ", is not in the folder of keys"};
  ASSIGN_OR_RETURN(const Json envelope, sign_envelope(part, signers));
  return envelope.dump(1) + "\n";
}

Result<std::string> Publishing::write_versioned(const std::string& role, const Json& part) const {
  ASSIGN_OR_RETURN(std::string text, signed_text(role, part));
  const std::int64_t version = part.find("version")->as_int64();
  RETURN_IF_ERROR(os::write_text(files(), metadata(std::to_string(version) + "." + role + ".json"), text));
  return text;
}

// A key that is offline between releases is not asked for where the list may stay.
Status Publishing::write_list(const PublishTimes& times) {
  const bool has_key = std::cmp_greater_equal(signers_of("targets").size(), root_.roles.at("targets").threshold);
  const bool is_as_it_was = added_.empty() && withdrawn_.empty();
  if (is_as_it_was && !has_key && !before_.targets_text.empty()) return {};
  std::int64_t& version = before_.versions["targets"];
  const Json part = tuf::next_targets(after(before_.targets_part, "targets", version),
                                      {times.now_s, times.lists_expire_s}, added_, withdrawn_);
  ASSIGN_OR_RETURN(before_.targets_text, write_versioned("targets", part));
  ++version;
  return {};
}

Status Publishing::write_roots() const {
  for (std::int64_t version = 1; version <= root_.version; ++version) {
    ASSIGN_OR_RETURN(const std::string text, root_of_version(folder_, version));
    const std::string path = metadata(std::to_string(version) + ".root.json");
    if (!files().info(path)) RETURN_IF_ERROR(os::write_text(files(), path, text));
  }
  return {};
}

Status Publishing::finish(const PublishTimes& times) {
  if (before_.has_begun_anew && added_.empty())
    return Error{Code::kInvalid,
                 "what a revoked key signed is dropped; name the bundles that are still good, and they "
                 "are published again"};
  // Asked before anything is written: without it nothing comes of the rest.
  RETURN_IF_ERROR(signed_text("timestamp", tuf::empty_document("timestamp", 1)));
  RETURN_IF_ERROR(signed_text("snapshot", tuf::empty_document("snapshot", 1)));
  RETURN_IF_ERROR(write_list(times));
  std::map<std::string, std::int64_t>& versions = before_.versions;
  const Json list = tuf::meta_of(versions["targets"], before_.targets_text);
  ASSIGN_OR_RETURN(
      const std::string snapshot,
      write_versioned("snapshot", tuf::next_snapshot(after({}, "snapshot", versions["snapshot"]),
                                                     {times.now_s, times.lists_expire_s}, {{"targets.json", list}})));
  const Json newest =
      tuf::next_timestamp(after({}, "timestamp", versions["timestamp"]), {times.now_s, times.newest_expires_s},
                          tuf::meta_of(++versions["snapshot"], snapshot));
  ASSIGN_OR_RETURN(const std::string text, signed_text("timestamp", newest));
  ++versions["timestamp"];
  // Remembered before devices can see it: what is forgotten could be signed twice.
  RETURN_IF_ERROR(write_last_signed(folder_, {versions, digest_of(std::as_bytes(std::span(before_.targets_text)))}));
  RETURN_IF_ERROR(write_roots());
  return os::write_text(files(), metadata("timestamp.json"), text);
}

}  // namespace arete::bundle
