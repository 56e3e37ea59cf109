#include "bundle/repository/published.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "bundle/tuf_client.h"
#include "os/base/files.h"

namespace arete::bundle {
namespace {

constexpr const char* kLastSigned = "published.json";

const os::FileSystem& files() { return os::real_file_system(); }

std::string metadata(const std::string& repository, const std::string& name) {
  return os::join_path(os::join_path(repository, "metadata"), name);
}

// Of "7.targets.json"; 0 for other names.
std::int64_t version_in(const std::string& name, const std::string& role) {
  std::int64_t version = 0;
  const char* const begin = name.data();
  const auto [end, failure] = std::from_chars(begin, begin + name.size(), version);
  const bool is_one = failure == std::errc() && version > 0 && version <= tuf::kMaxVersion &&
                      name == std::to_string(version) + "." + role + ".json";
  return is_one ? version : 0;
}

// The versions that files of a role have, the highest first.
Result<std::vector<std::int64_t>> versions_of(const std::string& repository, const std::string& role) {
  std::vector<std::int64_t> versions;
  const Result<std::vector<std::string>> names = files().list(os::join_path(repository, "metadata"));
  if (!names && names.error().code == Code::kNotFound) return versions;
  if (!names) return names.error();
  for (const std::string& name : *names) {
    if (const std::int64_t version = version_in(name, role); version > 0) versions.push_back(version);
  }
  std::ranges::sort(versions, std::greater());
  return versions;
}

// Roots of somebody else's, or that somebody changed.
Status check_roots(const std::string& repository, const KeyFolder& keys) {
  ASSIGN_OR_RETURN(const std::vector<std::int64_t> versions, versions_of(repository, "root"));
  for (const std::int64_t version : versions) {
    const std::string path = metadata(repository, std::to_string(version) + ".root.json");
    const Result<std::string> ours = root_of_version(keys, version);
    ASSIGN_OR_RETURN(const std::string there, os::read_file(files(), path, tuf::kMaxRootBytes));
    if (ours && *ours == there) continue;
    return Error{Code::kUntrusted, path + " is not the root that " + keys.at("") +
                                       " has: is this another publisher's repository, or are these other keys?"};
  }
  return {};
}

struct RoleOfRoot {
  tuf::Keys keys;
  tuf::RoleKeys role;
};

// Who signs, or signed, for the role by any of our roots, but for keys that were revoked and replaced.
Result<std::vector<RoleOfRoot>> signers_of(const KeyFolder& folder, const std::string& role, bool& was_revoked) {
  ASSIGN_OR_RETURN(const std::string newest_text, folder.root());
  ASSIGN_OR_RETURN(const tuf::RootDraft newest, tuf::draft_of_root(newest_text));
  ASSIGN_OR_RETURN(const auto revoked, folder.revoked_ids());
  std::vector<RoleOfRoot> signers;
  for (std::int64_t version = newest.version; version >= 1; --version) {
    ASSIGN_OR_RETURN(const std::string text, root_of_version(folder, version));
    ASSIGN_OR_RETURN(const tuf::Envelope envelope, tuf::parse_envelope(text));
    ASSIGN_OR_RETURN(const tuf::Root root, tuf::parse_root(envelope));
    RoleOfRoot found{root.keys, root.roles.at(role)};
    const bool is_revoked = std::ranges::any_of(found.role.key_ids, [&](const std::string& id) {
      return revoked.contains(id) && !newest.roles.at(role).keys.contains(id);
    });
    was_revoked = was_revoked || is_revoked;
    if (!is_revoked) signers.push_back(std::move(found));
  }
  return signers;
}

// Signed by our keys, in whatever version of the root.
bool is_ours(const tuf::Envelope& envelope, const std::vector<RoleOfRoot>& signers, const std::string& role) {
  return std::ranges::any_of(
      signers, [&](const RoleOfRoot& by) { return check_signatures(envelope, by.keys, by.role, role).has_value(); });
}

// The newest list that is ours; what was signed and not yet named by a timestamp counts too.
Status read_list(const std::string& repository, const KeyFolder& keys, Published& published) {
  ASSIGN_OR_RETURN(const std::vector<RoleOfRoot> signers, signers_of(keys, "targets", published.has_begun_anew));
  ASSIGN_OR_RETURN(const std::vector<std::int64_t> versions, versions_of(repository, "targets"));
  for (const std::int64_t version : versions) {
    const std::string path = metadata(repository, std::to_string(version) + ".targets.json");
    const Result<std::string> text = os::read_file(files(), path, tuf::kMaxTargetsBytes);
    const Result<tuf::Envelope> envelope = text ? tuf::parse_envelope(*text) : text.error();
    if (!envelope || !is_ours(*envelope, signers, "targets")) continue;
    ASSIGN_OR_RETURN(const tuf::Targets list, tuf::parse_targets(*envelope));
    if (list.common.version != version) continue;
    published.targets_text = *text;
    published.targets_part = envelope->signed_part;
    published.targets = list.targets;
    published.versions["targets"] = version;
    published.has_begun_anew = false;
    return {};
  }
  if (versions.empty()) published.has_begun_anew = false;
  if (versions.empty() || published.has_begun_anew) return {};
  return Error{Code::kUntrusted, repository +
                                     " holds what a device would refuse: no list of targets in it was signed by "
                                     "a key of ours"};
}

// Versions that devices believe who go by the keys of today; who goes by older ones forgets them.
Status read_newest(const std::string& repository, const KeyFolder& keys, Published& published) {
  const Result<std::string> text =
      os::read_file(files(), metadata(repository, "timestamp.json"), tuf::kMaxTimestampBytes);
  if (!text && text.error().code == Code::kNotFound) return {};
  if (!text) return text.error();
  bool was_revoked = false;
  ASSIGN_OR_RETURN(const std::vector<RoleOfRoot> signers, signers_of(keys, "timestamp", was_revoked));
  const Result<tuf::Envelope> envelope = tuf::parse_envelope(*text);
  if (!envelope || !is_ours(*envelope, signers, "timestamp")) return {};
  ASSIGN_OR_RETURN(const tuf::Timestamp timestamp, tuf::parse_timestamp(*envelope));
  published.versions["timestamp"] = std::max(published.versions["timestamp"], timestamp.common.version);
  published.versions["snapshot"] = std::max(published.versions["snapshot"], timestamp.snapshot.version);
  return {};
}

Status check_memory(const std::string& repository, const LastSigned& last, const Published& published) {
  const auto signed_last = last.versions.find("targets");
  if (signed_last == last.versions.end() || published.has_begun_anew) return {};
  const auto there = published.versions.find("targets");
  const std::int64_t version = there == published.versions.end() ? 0 : there->second;
  const bool is_same = version == signed_last->second && last.targets &&
                       digest_of(std::as_bytes(std::span(published.targets_text))) == *last.targets;
  if (version > signed_last->second || is_same) return {};
  return Error{Code::kUntrusted,
               repository + " does not hold list " + std::to_string(signed_last->second) +
                   ", the last that was signed (its newest is " + std::to_string(version) +
                   "): devices would refuse what follows. Give the repository that has it; where it is lost, remove " +
                   kLastSigned + " from the folder of keys, revoke the targets and online keys, and publish again"};
}

}  // namespace

Result<LastSigned> read_last_signed(const KeyFolder& keys) {
  LastSigned last;
  const Result<std::string> text = os::read_file(files(), keys.at(kLastSigned), tuf::kMaxTimestampBytes);
  if (!text && text.error().code == Code::kNotFound) return last;
  if (!text) return text.error();
  const Result<Json> json = Json::parse(*text);
  if (!json) return with_context(json.error(), keys.at(kLastSigned));
  for (const char* const role : {"targets", "snapshot", "timestamp"}) {
    const Result<std::int64_t> version = json->get_integer(role);
    if (!version) return with_context(version.error(), keys.at(kLastSigned));
    if (*version < 0 || *version > tuf::kMaxVersion)
      return Error{Code::kInvalid, keys.at(kLastSigned) + ": \"" + role + "\" is no version"};
    last.versions[role] = *version;
  }
  ASSIGN_OR_RETURN(const std::string sha256, json->get_string("targets_sha256"));
  ASSIGN_OR_RETURN(last.targets, digest_from_hex(sha256));
  return last;
}

Status write_last_signed(const KeyFolder& keys, const LastSigned& last) {
  const Json json = Json::object({{"targets", last.versions.at("targets")},
                                  {"snapshot", last.versions.at("snapshot")},
                                  {"timestamp", last.versions.at("timestamp")},
                                  {"targets_sha256", last.targets.value_or(Digest()).hex()}});
  return os::write_text(files(), keys.at(kLastSigned), json.dump(1) + "\n");
}

Result<Published> read_published(const std::string& repository, const KeyFolder& keys) {
  RETURN_IF_ERROR(check_roots(repository, keys));
  ASSIGN_OR_RETURN(const LastSigned last, read_last_signed(keys));
  Published published;
  published.versions = last.versions;
  RETURN_IF_ERROR(read_list(repository, keys, published));
  RETURN_IF_ERROR(check_memory(repository, last, published));
  if (const auto at = last.versions.find("targets"); at != last.versions.end())
    published.versions["targets"] = std::max(published.versions["targets"], at->second);
  RETURN_IF_ERROR(read_newest(repository, keys, published));
  return published;
}

Result<std::string> root_of_version(const KeyFolder& keys, std::int64_t version) {
  return os::read_file(files(), keys.at(std::to_string(version) + ".root.json"), tuf::kMaxRootBytes);
}

}  // namespace arete::bundle
