// The publisher's folder of keys: `arete keys` (docs/keys.md has what lies in it).
//
// Private keys may lie elsewhere: what needs one takes those that are here, and those that it is given by path.
// Threads: one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bundle/exchange_key.h"
#include "bundle/signing_key.h"
#include "core/json.h"
#include "core/result.h"

namespace arete::bundle {

inline constexpr int kShortId = 8;  // digits of an id that stand in a file's name

struct NamedKey {
  std::string path;
  SigningKey key;
};

// A device or a group that things are sealed to.
struct Member {
  std::string name;
  ExchangePublicKey key;
  bool is_group = false;
  bool is_revoked = false;
};

class KeyFolder {
 public:
  explicit KeyFolder(std::string path) : path_(std::move(path)) {}

  std::string at(const std::string& name) const;
  bool exists(const std::string& name) const;

  // Of the newest root; kNotFound says how to make the first.
  Result<std::string> root() const;
  // N.root.json and root.json, in this order: whoever finds the second finds the first.
  Status save_root(std::int64_t version, const std::string& text) const;

  // The ed25519 keys that are here, and those at `also`.
  Result<std::vector<NamedKey>> signing_keys(const std::vector<std::string>& also = {}) const;
  // As NAME-ID.key; -> the path.
  Result<std::string> keep(const std::string& name, const SigningKey& key) const;
  // As NAME-ID.key, and its public key as NAME.pub.
  Result<std::string> keep(const std::string& name, const ExchangeKey& key) const;
  Result<ExchangeKey> exchange_key(const std::string& name, const Digest& id) const;

  // Those with a NAME.pub, by name.
  Result<std::vector<Member>> members() const;
  // Of revoked.json: [{"id", "name", "at"}].
  Result<Json> revoked() const;
  Result<bool> is_revoked(const std::string& id) const;
  Status revoke(const std::string& id, const std::string& name, std::int64_t now_s) const;

 private:
  Status make() const;
  std::string path_;
};

// "line-7-1a2b3c4d.key"
std::string key_file_name(const std::string& name, const std::string& id, const std::string& ending);
// kInvalid for names that are no file's name.
Status check_key_name(const std::string& name);

}  // namespace arete::bundle
