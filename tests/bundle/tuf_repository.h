// A TUF repository in memory, whose publisher can also do wrong, and a client's folder.
#pragma once

#include <array>
#include <map>
#include <string>
#include <vector>

#include "bundle/digest.h"
#include "bundle/signing_key.h"
#include "bundle/tuf_client.h"
#include "core/check.h"

namespace arete::test {

using bundle::SigningKey;
using Signers = std::vector<const SigningKey*>;

inline constexpr std::int64_t kNow = 1'800'000'000;  // 2027-01-15
inline const std::string kLater = "2027-02-01T00:00:00Z";
inline const std::string kBefore = "2027-01-10T00:00:00Z";

inline SigningKey key_of(int number) {
  SigningKey::Seed seed = {};
  seed[0] = static_cast<std::byte>(number);
  return *SigningKey::make(seed);
}

inline Json role_of(const Signers& keys, int threshold) {
  Json ids = Json::array();
  for (const SigningKey* const key : keys) ids.push_back(key->id());
  return Json::object({{"keyids", std::move(ids)}, {"threshold", threshold}});
}

inline Json keys_of(const Signers& keys) {
  Json json = Json::object();
  for (const SigningKey* const key : keys) json.set(key->id(), key->public_json());
  return json;
}

inline Json common_of(const char* type, int version, const std::string& expires = kLater) {
  return Json::object({{"_type", type}, {"spec_version", "1.0.34"}, {"version", version}, {"expires", expires}});
}

inline std::string signed_text(const Json& signed_part, const Signers& signers) {
  const Result<Json> envelope = bundle::sign_envelope(signed_part, signers);
  CHECK(envelope.has_value());
  return envelope->dump(1);
}

inline Json file_info(int version, const std::string& text) {
  return Json::object(
      {{"version", version},
       {"length", static_cast<std::uint64_t>(text.size())},
       {"hashes", Json::object({{"sha256", bundle::digest_of(std::as_bytes(std::span(text))).hex()}})}});
}

inline Json target_info(const std::string& content) {
  Json info = file_info(1, content);
  return Json::object({{"length", *info.find("length")}, {"hashes", *info.find("hashes")}});
}

struct Repository {
  std::array<SigningKey, 3> root = {key_of(1), key_of(2), key_of(3)};
  SigningKey targets = key_of(4), snapshot = key_of(5), timestamp = key_of(6), team = key_of(7), stranger = key_of(9);
  std::map<std::string, std::string> files;  // of the mirror
  int targets_version = 1, snapshot_version = 1, timestamp_version = 1;
  Json targets_part = Json::object({{"shoes/1.0.0", target_info("model")}});
  Json delegations = {};
  struct Delegated {
    int version = 1;
    Json part = {};
  };
  std::map<std::string, Delegated> roles;
  std::string timestamp_issued;  // "": it does not say
  std::string timestamp_expires = kLater, snapshot_expires = kLater, targets_expires = kLater;

  Signers root_signers() const { return {&root[0], &root[1], &root[2]}; }

  // Two of three sign the root; the others sign alone.
  Json root_part(int version, const Signers& root_keys, const std::string& expires = kLater) const {
    Json part = common_of("root", version, expires);
    Signers all = root_keys;
    for (const SigningKey* const key : {&targets, &snapshot, &timestamp}) all.push_back(key);
    part.set("consistent_snapshot", true);
    part.set("keys", keys_of(all));
    part.set("roles", Json::object({{"root", role_of(root_keys, 2)},
                                    {"targets", role_of({&targets}, 1)},
                                    {"snapshot", role_of({&snapshot}, 1)},
                                    {"timestamp", role_of({&timestamp}, 1)}}));
    return part;
  }
  std::string first_root() const { return signed_text(root_part(1, root_signers()), {&root[0], &root[1]}); }

  // Everything but the root, anew.
  void publish() {
    Json meta = Json::object();
    for (const auto& [name, role] : roles) {
      const std::string text = signed_text(role.part, {&team});
      files[std::to_string(role.version) + "." + bundle::tuf::file_name_of(name) + ".json"] = text;
      meta.set(name + ".json", file_info(role.version, text));
    }
    Json part = common_of("targets", targets_version, targets_expires);
    part.set("targets", targets_part);
    if (!delegations.is_null()) part.set("delegations", delegations);
    const std::string text = signed_text(part, {&targets});
    files[std::to_string(targets_version) + ".targets.json"] = text;
    meta.set("targets.json", file_info(targets_version, text));
    publish_snapshot(meta);
  }
  void publish_snapshot(const Json& meta) {
    Json part = common_of("snapshot", snapshot_version, snapshot_expires);
    part.set("meta", meta);
    const std::string text = signed_text(part, {&snapshot});
    files[std::to_string(snapshot_version) + ".snapshot.json"] = text;
    publish_timestamp(file_info(snapshot_version, text));
  }
  void publish_timestamp(const Json& info) {
    Json part = common_of("timestamp", timestamp_version, timestamp_expires);
    if (!timestamp_issued.empty()) part.set("issued", timestamp_issued);
    part.set("meta", Json::object({{"snapshot.json", info}}));
    files["timestamp.json"] = signed_text(part, {&timestamp});
  }
  // The next versions of everything.
  void advance() {
    ++targets_version;
    ++snapshot_version;
    ++timestamp_version;
    publish();
  }
};

class Folder final : public bundle::tuf::Kept {
 public:
  Result<std::string> load(const std::string& name) override {
    const auto found = files.find(name);
    if (found == files.end()) return Error{Code::kNotFound, name};
    return found->second;
  }
  Status save(const std::string& name, std::string_view text) override {
    files[name] = text;
    return {};
  }
  std::map<std::string, std::string> files;
};

struct Device {
  explicit Device(const Repository& from) : repository(from) { folder.files["root.json"] = from.first_root(); }

  bundle::tuf::Client client(std::int64_t now_s = kNow, std::int64_t grace_s = 0) {
    const auto fetch = [this](const std::string& name, std::uint64_t max_bytes) -> Result<std::string> {
      asked.emplace_back(name, max_bytes);
      if (fails_after >= 0 && static_cast<int>(asked.size()) > fails_after) return Error{Code::kUnavailable, "no link"};
      const auto found = repository.files.find(name);
      if (found == repository.files.end()) return Error{Code::kNotFound, name};
      if (found->second.size() > max_bytes) return Error{Code::kExhausted, name};
      return found->second;
    };
    Result<bundle::tuf::Client> made = bundle::tuf::Client::open(folder, fetch, {now_s, grace_s});
    CHECK(made.has_value());
    return std::move(*made);
  }
  Status refresh(std::int64_t now_s = kNow, std::int64_t grace_s = 0) { return client(now_s, grace_s).refresh(); }

  const Repository& repository;
  Folder folder;
  std::vector<std::pair<std::string, std::uint64_t>> asked;
  int fails_after = -1;  // so many files; -1: never
};

}  // namespace arete::test
