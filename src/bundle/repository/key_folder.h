// The publisher's folder of keys: `arete keys` (docs/keys.md has what lies in it).
//
// Private keys may lie elsewhere: what needs one takes those that are here, and those that it is given by path.
// Threads: one.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "bundle/exchange_key.h"
#include "bundle/signing_key.h"
#include "core/json.h"
#include "core/result.h"
#include "os/keystore/folder_lock.h"

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

// A file that is left out because it cannot be used.
struct PassedOver {
  std::string path;
  std::string why;
};

class KeyFolder {
 public:
  explicit KeyFolder(std::string path) : path_(std::move(path)) {}

  std::string at(const std::string& name) const;
  bool exists(const std::string& name) const;
  // Whoever changes the folder holds this meanwhile. kNotFound says how to make the first.
  Result<os::FolderLock> lock() const;
  Result<os::FolderLock> make_and_lock() const;
  // What signing_keys() and members() leave out, but for keys of the other kind.
  Result<std::vector<PassedOver>> passed_over() const;

  // Of the newest root; kNotFound says how to make the first.
  Result<std::string> root() const;
  // N.root.json and root.json, in this order: whoever finds the second finds the first. `between` is done in between;
  // where it fails the second stays as it was.
  Status save_root(std::int64_t version, const std::string& text, const std::function<Status()>& between = {}) const;

  // The ed25519 keys that are here, and those at `also`; each once, whatever its files are called. What cannot be read
  // is left out here, and is an error at `also`.
  Result<std::vector<NamedKey>> signing_keys(const std::vector<std::string>& also = {}) const;
  // As NAME-ID.key; -> the path.
  Result<std::string> keep(const std::string& name, const SigningKey& key) const;
  // As NAME-ID.key, and its public key as NAME.pub.
  Result<std::string> keep(const std::string& name, const ExchangeKey& key) const;

  // Those with a NAME.pub, by name; what is no X25519 key is left out.
  Result<std::vector<Member>> members() const;
  // The ids of the pairs that this device or group has had: by its private keys here, and by what was granted to it.
  Result<std::set<std::string>> ids_of(const std::string& name) const;
  // Of revoked.json: [{"id", "name", "at"}].
  Result<Json> revoked() const;
  // When, by id.
  Result<std::map<std::string, std::string>> revoked_ids() const;
  Result<bool> is_revoked(const std::string& id) const;
  // All or none; those that are revoked already stay as they are.
  Status revoke(const std::set<std::string>& ids, const std::string& name, std::int64_t now_s) const;

 private:
  Status make() const;
  Result<std::vector<std::string>> names_ending_with(std::string_view ending) const;
  std::string path_;
};

// "line-7-1a2b3c4d.key"
std::string key_file_name(const std::string& name, const std::string& id, const std::string& ending);
// kInvalid for names that are no file's name, and for those that look like a role or a key's id.
Status check_key_name(const std::string& name);

}  // namespace arete::bundle
