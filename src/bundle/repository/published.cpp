#include "bundle/repository/published.h"

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "bundle/repository/key_roots.h"
#include "bundle/repository/mirror.h"
#include "os/base/files.h"

namespace arete::bundle {
namespace {

constexpr std::int64_t kAnyTime = std::int64_t{100} * 365 * 86'400;

// What a device that only has the root would come to believe.
class Memory final : public tuf::Kept {
 public:
  explicit Memory(std::string root) { documents_["root.json"] = std::move(root); }
  Result<std::string> load(const std::string& name) override {
    const auto found = documents_.find(name);
    if (found == documents_.end()) return Error{Code::kNotFound, name + " is not there"};
    return found->second;
  }
  Status save(const std::string& name, std::string_view text) override {
    documents_[name] = std::string(text);
    return {};
  }

 private:
  std::map<std::string, std::string> documents_;
};

std::string metadata(const std::string& repository, const std::string& name) {
  return os::join_path(os::join_path(repository, "metadata"), name);
}

// The root that devices were told of last.
Result<std::string> published_root(const std::string& repository, const tuf::RootDraft& newest) {
  for (std::int64_t version = newest.version; version >= 1; --version) {
    const std::string path = metadata(repository, std::to_string(version) + ".root.json");
    Result<std::string> text = os::read_file(os::real_file_system(), path, tuf::kMaxRootBytes);
    if (text || text.error().code != Code::kNotFound) return text;
  }
  return Error{Code::kNotFound, repository + " has a timestamp.json and no root; another publisher's?"};
}

Result<bool> has_revoked(const std::string& root, const KeyFolder& keys) {
  ASSIGN_OR_RETURN(const tuf::RootDraft draft, tuf::draft_of_root(root));
  for (const auto& [name, role] : draft.roles) {
    if (name == "root") continue;
    for (const auto& [id, key] : role.keys) {
      ASSIGN_OR_RETURN(const bool is_revoked, keys.is_revoked(id));
      if (is_revoked) return true;
    }
  }
  return false;
}

// No clock: what is past its time is what publishing mends.
Result<Published> read_believed(const std::string& repository, const std::string& root) {
  Mirror mirror(repository);
  Memory kept(root);
  const tuf::Expiry any_time{0, kAnyTime};
  ASSIGN_OR_RETURN(
      tuf::Client client,
      tuf::Client::open(
          kept, [&](const auto& name, std::uint64_t most) { return mirror.metadata(name, most); }, any_time));
  RETURN_IF_ERROR(client.refresh());
  Published published;
  for (const std::string role : {"targets", "snapshot", "timestamp"}) {
    ASSIGN_OR_RETURN(const std::string text, kept.load(role + ".json"));
    ASSIGN_OR_RETURN(const tuf::Envelope envelope, tuf::parse_envelope(text));
    published.documents[role] = envelope.signed_part;
  }
  published.targets = client.trust().targets("targets")->targets;
  return published;
}

// The versions that files have are enough: devices must not see any of them again.
Result<Published> begin_anew(const std::string& repository) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names,
                   os::real_file_system().list(os::join_path(repository, "metadata")));
  ASSIGN_OR_RETURN(const std::string text, os::read_file(os::real_file_system(), metadata(repository, "timestamp.json"),
                                                         tuf::kMaxTimestampBytes));
  ASSIGN_OR_RETURN(const tuf::Envelope envelope, tuf::parse_envelope(text));
  std::map<std::string, std::int64_t> versions;
  ASSIGN_OR_RETURN(versions["timestamp"], envelope.signed_part.get_integer("version"));
  for (const std::string& name : names) {
    const std::int64_t version = std::atoll(name.c_str());
    for (const std::string role : {"targets", "snapshot"}) {
      if (name == std::to_string(version) + "." + role + ".json") versions[role] = std::max(versions[role], version);
    }
  }
  Published published;
  published.has_begun_anew = true;
  for (const auto& [role, version] : versions) published.documents[role] = tuf::empty_document(role, version);
  return published;
}

}  // namespace

Result<Published> read_published(const std::string& repository, const tuf::RootDraft& newest, const KeyFolder& keys) {
  if (!os::real_file_system().info(metadata(repository, "timestamp.json"))) return Published();
  ASSIGN_OR_RETURN(const std::string root, published_root(repository, newest));
  ASSIGN_OR_RETURN(const bool is_revoked, has_revoked(root, keys));
  if (is_revoked) return begin_anew(repository);
  Result<Published> published = read_believed(repository, root);
  if (published) return published;
  return with_context(std::move(published).error(), repository + " holds what a device would refuse");
}

}  // namespace arete::bundle
