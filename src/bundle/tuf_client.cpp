#include "bundle/tuf_client.h"

#include <algorithm>
#include <vector>

namespace arete::bundle::tuf {
namespace {

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
         c == '-' || c == '~';
}

}  // namespace

std::string file_name_of(std::string_view role) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string name;
  for (const char c : role) {
    if (is_unreserved(c)) {
      name += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    name += '%';
    name += kDigits[byte >> 4U];
    name += kDigits[byte & 15U];
  }
  return name;
}

Result<Client> Client::open(Kept& kept, Fetch fetch, const Expiry& expiry) {
  ASSIGN_OR_RETURN(const std::string root, kept.load("root.json"));
  ASSIGN_OR_RETURN(Trust trust, Trust::make(root, expiry));
  return Client(kept, std::move(fetch), std::move(trust));
}

Status Client::refresh() {
  RETURN_IF_ERROR(update_roots());
  RETURN_IF_ERROR(update_timestamp());
  RETURN_IF_ERROR(update_snapshot());
  return load_targets("targets", "root");
}

Status Client::update_roots() {
  for (int i = 0; i < kMaxRootRotations; ++i) {
    const std::int64_t next = trust_.root().common.version + 1;
    const Result<std::string> text = fetch_(std::to_string(next) + ".root.json", kMaxRootBytes);
    if (!text && text.error().code == Code::kNotFound) break;
    if (!text) return text.error();
    RETURN_IF_ERROR(trust_.update_root(*text));
    RETURN_IF_ERROR(kept_.save("root.json", *text));
  }
  return trust_.finish_roots();
}

Status Client::update_timestamp() {
  // What was believed before only guards against going back: whatever is wrong with it, a new one is asked for. Its
  // signed time counts all the same, and what is past its time by it is noticed below.
  if (const Result<std::string> kept = kept_.load("timestamp.json")) (void)trust_.update_timestamp(*kept).has_value();
  ASSIGN_OR_RETURN(const std::string text, fetch_("timestamp.json", kMaxTimestampBytes));
  Status updated = trust_.update_timestamp(text);
  if (!updated && updated.error().code == Code::kConflict) return trust_.check_times();
  const bool is_believed = trust_.timestamp() != nullptr && updated;
  if (is_believed) RETURN_IF_ERROR(kept_.save("timestamp.json", text));
  return updated;
}

std::string Client::versioned(const std::string& role, std::int64_t version) const {
  const std::string name = file_name_of(role) + ".json";
  return trust_.root().consistent_snapshot ? std::to_string(version) + "." + name : name;
}

Status Client::update_snapshot() {
  if (const Result<std::string> kept = kept_.load("snapshot.json")) {
    if (trust_.update_snapshot(*kept, true)) return {};
  }
  const FileInfo& wanted = trust_.timestamp()->snapshot;
  ASSIGN_OR_RETURN(const std::string text,
                   fetch_(versioned("snapshot", wanted.version), wanted.length.value_or(kMaxSnapshotBytes)));
  RETURN_IF_ERROR(trust_.update_snapshot(text, false));
  return kept_.save("snapshot.json", text);
}

Status Client::load_targets(const std::string& role, const std::string& delegator) {
  // Believed on one delegator's word it is not believed on another's.
  if (loaded_.contains({role, delegator})) return {};
  const std::string kept_name = file_name_of(role) + ".json";
  const Result<std::string> kept = kept_.load(kept_name);
  if (kept && trust_.update_targets(*kept, role, delegator)) {
    loaded_.emplace(role, delegator);
    return {};
  }
  const auto meta = trust_.snapshot()->meta.find(role + ".json");
  if (meta == trust_.snapshot()->meta.end()) return Error{Code::kUntrusted, "snapshot says nothing of '" + role + "'"};
  ASSIGN_OR_RETURN(const std::string text,
                   fetch_(versioned(role, meta->second.version), meta->second.length.value_or(kMaxTargetsBytes)));
  RETURN_IF_ERROR(trust_.update_targets(text, role, delegator));
  loaded_.emplace(role, delegator);
  return kept_.save(kept_name, text);
}

Result<std::optional<FileInfo>> Client::find_target(const std::string& path) {
  std::vector<std::pair<std::string, std::string>> waiting = {
      {"targets", "root"}};  // role, delegator; the last is next
  std::set<std::pair<std::string, std::string>> visited;
  while (!waiting.empty() && static_cast<int>(visited.size()) <= kMaxDelegations) {
    const auto [role, delegator] = waiting.back();
    waiting.pop_back();
    if (!visited.emplace(role, delegator).second) continue;
    RETURN_IF_ERROR(load_targets(role, delegator));
    const Targets& targets = *trust_.targets(role);
    const auto found = targets.targets.find(path);
    if (found != targets.targets.end()) return std::optional<FileInfo>(found->second);
    if (!targets.delegations) continue;
    std::vector<std::pair<std::string, std::string>> next;
    if (targets.delegations->succinct) next.emplace_back(targets.delegations->succinct->name_for(path), role);
    for (const DelegatedRole& child : targets.delegations->roles) {
      if (!child.covers(path)) continue;
      next.emplace_back(child.name, role);
      if (!child.terminating) continue;
      waiting.clear();
      break;
    }
    waiting.insert(waiting.end(), next.rbegin(), next.rend());
  }
  return std::optional<FileInfo>();
}

std::string Client::place_of(const std::string& path, const FileInfo& target) const {
  if (!trust_.root().consistent_snapshot || target.hashes.empty()) return path;
  const auto sha256 = target.hashes.find("sha256");
  const std::string& hash = sha256 != target.hashes.end() ? sha256->second : target.hashes.begin()->second;
  const std::size_t name = path.rfind('/') == std::string::npos ? 0 : path.rfind('/') + 1;
  return path.substr(0, name) + hash + "." + path.substr(name);
}

}  // namespace arete::bundle::tuf
