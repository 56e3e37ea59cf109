// Trust: which TUF metadata is believed, one document after another in the order of the specification. A document that
// breaks a rule changes nothing.
//
// A clock is not believed where it is behind what has been signed: the time is never before the latest that a believed
// timestamp says it was issued at. A device without a clock goes by that alone.
// Not for: fetching and keeping documents (tuf_client.h).
// Threads: one. Time is handed in. Spec: TUF 1.0.34 section 5 (detailed client workflow), step by step.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "bundle/tuf_metadata.h"
#include "core/result.h"

namespace arete::bundle::tuf {

// What may be believed of metadata that is past its time.
struct Expiry {
  std::int64_t now_s = 0;    // seconds since 1970, UTC; fixed for one update; 0: there is no clock
  std::int64_t grace_s = 0;  // so long past its time it still counts, flagged: fleets are offline for days
};

class Trust {
 public:
  // kInvalid, kUntrusted for a root that does not sign itself. Its time does not count: newer ones may follow.
  static Result<Trust> make(std::string_view root, const Expiry& expiry);

  // The next root: signed by the one before and by itself, and its version the next one.
  Status update_root(std::string_view text);
  // From here on no root follows. kUntrusted where the root's time is over.
  Status finish_roots();
  // kConflict for the version that is believed already: there is nothing to do, and no error.
  Status update_timestamp(std::string_view text);
  // kUntrusted where the root or the timestamp that is believed is past its time by now: the signed time may have gone
  // on since they were judged.
  Status check_times();
  // `is_kept`: it was believed before, so that its hash and its version may be older than the timestamp says.
  Status update_snapshot(std::string_view text, bool is_kept);
  // The top-level targets, or a role that `delegator` names.
  Status update_targets(std::string_view text, const std::string& role, const std::string& delegator);

  const Root& root() const { return root_; }
  const Timestamp* timestamp() const { return timestamp_ ? &*timestamp_ : nullptr; }
  const Snapshot* snapshot() const { return snapshot_ ? &*snapshot_ : nullptr; }
  const Targets* targets(const std::string& role) const;
  // By which expiry is judged.
  std::int64_t now_s() const { return expiry_.now_s; }
  // True when something that is past its time was believed within the grace.
  bool used_grace() const { return used_grace_; }

 private:
  explicit Trust(const Expiry& expiry) : expiry_(expiry) {}
  Status check_expiry(const Common& common, std::string_view name);
  Status check_timestamp_time();
  Status take_time(const Common& timestamp);
  Status check_snapshot_version() const;
  Status check_rollback(const Snapshot& next) const;

  Expiry expiry_;
  Root root_;
  std::optional<Timestamp> timestamp_;
  std::optional<Snapshot> snapshot_;
  std::map<std::string, Targets> targets_;
  bool used_grace_ = false;
};

}  // namespace arete::bundle::tuf
