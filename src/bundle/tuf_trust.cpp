#include "bundle/tuf_trust.h"

#include <algorithm>

#include "core/check.h"

namespace arete::bundle::tuf {
namespace {

Error untrusted(const std::string& what) { return {Code::kUntrusted, what}; }

std::string versions(std::int64_t given, std::int64_t wanted) {
  return "has version " + std::to_string(given) + ", not " + std::to_string(wanted);
}

}  // namespace

Result<Trust> Trust::make(std::string_view text, const Expiry& expiry) {
  Trust trust(expiry);
  ASSIGN_OR_RETURN(const Envelope envelope, parse_envelope(text));
  ASSIGN_OR_RETURN(Root root, parse_root(envelope));
  RETURN_IF_ERROR(check_signatures(envelope, root.keys, root.roles.at("root"), "root"));
  trust.root_ = std::move(root);
  return trust;
}

Status Trust::update_root(std::string_view text) {
  CHECK(!timestamp_);
  ASSIGN_OR_RETURN(const Envelope envelope, parse_envelope(text));
  ASSIGN_OR_RETURN(Root root, parse_root(envelope));
  RETURN_IF_ERROR(check_signatures(envelope, root_.keys, root_.roles.at("root"), "root"));
  const std::int64_t wanted = root_.common.version + 1;
  if (root.common.version != wanted) return untrusted("root " + versions(root.common.version, wanted));
  RETURN_IF_ERROR(check_signatures(envelope, root.keys, root.roles.at("root"), "root"));
  root_ = std::move(root);
  return {};
}

Status Trust::check_expiry(const Common& common, std::string_view name) {
  if (expiry_.now_s < common.expires_s) return {};
  if (expiry_.now_s < common.expires_s + expiry_.grace_s) {
    used_grace_ = true;
    return {};
  }
  return untrusted("'" + std::string(name) + "' is past its time: nobody says any more that it is the newest");
}

Status Trust::finish_roots() { return check_expiry(root_.common, "root"); }

Status Trust::update_timestamp(std::string_view text) {
  CHECK(!snapshot_);
  ASSIGN_OR_RETURN(const Envelope envelope, parse_envelope(text));
  ASSIGN_OR_RETURN(Timestamp next, parse_timestamp(envelope));
  RETURN_IF_ERROR(check_signatures(envelope, root_.keys, root_.roles.at("timestamp"), "timestamp"));
  if (timestamp_) {
    if (next.common.version < timestamp_->common.version)
      return untrusted("timestamp went back from version " + std::to_string(timestamp_->common.version) + " to " +
                       std::to_string(next.common.version));
    if (next.common.version == timestamp_->common.version)
      return Error{Code::kConflict, "timestamp has the version that is believed already"};
    if (next.snapshot.version < timestamp_->snapshot.version)
      return untrusted("timestamp goes back to snapshot " + std::to_string(next.snapshot.version));
  }
  // Believed also past its time: what comes next must not be older.
  timestamp_ = std::move(next);
  RETURN_IF_ERROR(take_time(timestamp_->common));
  return check_timestamp_time();
}

// What was in time by a clock that is behind, or without one, may be past it.
Status Trust::take_time(const Common& timestamp) {
  expiry_.now_s = std::max(expiry_.now_s, timestamp.issued_s.value_or(0));
  return check_expiry(root_.common, "root");
}

Status Trust::check_times() {
  RETURN_IF_ERROR(check_expiry(root_.common, "root"));
  return timestamp_ ? check_timestamp_time() : Status();
}

Status Trust::check_timestamp_time() { return check_expiry(timestamp_->common, "timestamp"); }

Status Trust::check_rollback(const Snapshot& next) const {
  if (!snapshot_) return {};
  for (const auto& [name, info] : snapshot_->meta) {
    const auto found = next.meta.find(name);
    if (found == next.meta.end()) return untrusted("snapshot has lost '" + name + "'");
    if (found->second.version < info.version)
      return untrusted("snapshot takes '" + name + "' back to version " + std::to_string(found->second.version));
  }
  return {};
}

Status Trust::check_snapshot_version() const {
  const std::int64_t wanted = timestamp_->snapshot.version;
  if (snapshot_->common.version == wanted) return {};
  return untrusted("snapshot " + versions(snapshot_->common.version, wanted));
}

Status Trust::update_snapshot(std::string_view text, bool is_kept) {
  CHECK(timestamp_ && targets_.empty());
  RETURN_IF_ERROR(check_timestamp_time());
  if (!is_kept) RETURN_IF_ERROR(timestamp_->snapshot.check("snapshot.json", text));
  ASSIGN_OR_RETURN(const Envelope envelope, parse_envelope(text));
  ASSIGN_OR_RETURN(Snapshot next, parse_snapshot(envelope));
  RETURN_IF_ERROR(check_signatures(envelope, root_.keys, root_.roles.at("snapshot"), "snapshot"));
  RETURN_IF_ERROR(check_rollback(next));
  snapshot_ = std::move(next);
  RETURN_IF_ERROR(check_expiry(snapshot_->common, "snapshot"));
  return check_snapshot_version();
}

Status Trust::update_targets(std::string_view text, const std::string& role, const std::string& delegator) {
  CHECK(snapshot_);
  RETURN_IF_ERROR(check_expiry(snapshot_->common, "snapshot"));
  RETURN_IF_ERROR(check_snapshot_version());
  const auto meta = snapshot_->meta.find(role + ".json");
  if (meta == snapshot_->meta.end()) return untrusted("snapshot says nothing of '" + role + "'");
  RETURN_IF_ERROR(meta->second.check(role + ".json", text));
  ASSIGN_OR_RETURN(const Envelope envelope, parse_envelope(text));
  ASSIGN_OR_RETURN(Targets next, parse_targets(envelope));
  if (delegator == "root") {
    RETURN_IF_ERROR(check_signatures(envelope, root_.keys, root_.roles.at("targets"), role));
  } else {
    const Targets* const by = targets(delegator);
    const RoleKeys* const keys = by != nullptr && by->delegations ? by->delegations->find(role) : nullptr;
    if (keys == nullptr) return untrusted("'" + delegator + "' delegates nothing to '" + role + "'");
    RETURN_IF_ERROR(check_signatures(envelope, by->delegations->keys, *keys, role));
  }
  if (next.common.version != meta->second.version)
    return untrusted("'" + role + "' " + versions(next.common.version, meta->second.version));
  RETURN_IF_ERROR(check_expiry(next.common, role));
  targets_.insert_or_assign(role, std::move(next));
  return {};
}

const Targets* Trust::targets(const std::string& role) const {
  const auto found = targets_.find(role);
  return found == targets_.end() ? nullptr : &found->second;
}

}  // namespace arete::bundle::tuf
