#include "bundle/repository/key_folder.h"

#include <algorithm>
#include <array>

#include "bundle/files/open_bundle.h"
#include "bundle/grants.h"
#include "bundle/tuf_author.h"
#include "bundle/tuf_client.h"
#include "core/hex.h"
#include "os/base/files.h"
#include "os/keystore/keystore.h"

namespace arete::bundle {
namespace {

constexpr std::uint64_t kMaxRevokedBytes = std::uint64_t{16} << 20;
constexpr std::size_t kMaxName = 100;

const os::FileSystem& files() { return os::real_file_system(); }

// Why a private key's file cannot be used here; nothing for a key that can.
Status check_private_key(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string pem, os::read_private_key(path));
  if (SigningKey::of_pem(pem) || ExchangeKey::of_pem(pem)) return {};
  return Error{Code::kInvalid, "this is no private ed25519 or X25519 key in PEM without a password"};
}

// "NAME-ID.key" of this name.
bool is_key_file_of(const std::string& file, const std::string& name) {
  const std::string start = name + "-";
  return file.starts_with(start) && file.size() == start.size() + kShortId + std::string_view(".key").size();
}

bool looks_like_an_id(const std::string& name) {
  return name.size() >= kShortId && std::ranges::all_of(name, [](char c) { return hex_digit(c) >= 0; });
}

}  // namespace

std::string KeyFolder::at(const std::string& name) const { return os::join_path(path_, name); }
bool KeyFolder::exists(const std::string& name) const { return files().info(at(name)).has_value(); }
Status KeyFolder::make() const { return files().make_folders(path_); }

Result<os::FolderLock> KeyFolder::lock() const {
  RETURN_IF_ERROR(names_ending_with(".key"));  // says what is wrong with the folder
  return os::FolderLock::take(path_);
}

Result<os::FolderLock> KeyFolder::make_and_lock() const {
  RETURN_IF_ERROR(make());
  return os::FolderLock::take(path_);
}

Result<std::vector<std::string>> KeyFolder::names_ending_with(std::string_view ending) const {
  Result<std::vector<std::string>> names = files().list(path_);
  if (!names && names.error().code == Code::kNotFound)
    return Error{Code::kNotFound, "there is no folder of keys '" + path_ + "'; `arete keys new trust` makes it"};
  if (names) std::erase_if(*names, [&](const std::string& name) { return !name.ends_with(ending); });
  return names;
}

Result<std::vector<PassedOver>> KeyFolder::passed_over() const {
  std::vector<PassedOver> all;
  const auto check = [&](const std::string& path, const Status& good) {
    if (good) return;
    const std::string& why = good.error().message;
    all.push_back({path, why.starts_with(path + ": ") ? why.substr(path.size() + 2) : why});
  };
  ASSIGN_OR_RETURN(const std::vector<std::string> keys, names_ending_with(".key"));
  for (const std::string& name : keys) check(at(name), check_private_key(at(name)));
  ASSIGN_OR_RETURN(const std::vector<std::string> publics, names_ending_with(".pub"));
  for (const std::string& name : publics) {
    const Result<Recipient> read = read_recipient(at(name));
    check(at(name), read ? Status() : Status(read.error()));
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> grants, names_ending_with(".grants"));
  for (const std::string& name : grants) {
    const Result<Grants> read = read_grants(at(name));
    check(at(name), read ? Status() : Status(read.error()));
  }
  return all;
}

Result<std::string> KeyFolder::root() const {
  Result<std::string> text = os::read_file(files(), at("root.json"), tuf::kMaxRootBytes);
  if (text || text.error().code != Code::kNotFound) return text;
  return Error{Code::kNotFound, "there is no root.json in " + path_ + "; `arete keys new trust` makes the first"};
}

Status KeyFolder::save_root(std::int64_t version, const std::string& text,
                            const std::function<Status()>& between) const {
  RETURN_IF_ERROR(make());
  RETURN_IF_ERROR(os::write_text(files(), at(std::to_string(version) + ".root.json"), text));
  if (between) RETURN_IF_ERROR(between());
  return os::write_text(files(), at("root.json"), text);
}

Result<std::vector<NamedKey>> KeyFolder::signing_keys(const std::vector<std::string>& also) const {
  std::vector<NamedKey> keys;
  std::set<std::string> ids;
  const auto add = [&](const std::string& path, SigningKey key) {
    if (ids.insert(key.id()).second) keys.push_back({path, std::move(key)});
  };
  ASSIGN_OR_RETURN(const std::vector<std::string> names, names_ending_with(".key"));
  for (const std::string& name : names) {
    const Result<std::string> pem = os::read_private_key(at(name));
    Result<SigningKey> key = pem ? SigningKey::of_pem(*pem) : Result<SigningKey>(pem.error());
    if (key) add(at(name), std::move(*key));  // others are what models are sealed to
  }
  for (const std::string& path : also) {
    ASSIGN_OR_RETURN(const std::string pem, os::read_private_key(path));
    Result<SigningKey> key = SigningKey::of_pem(pem);
    if (!key) return with_context(std::move(key).error(), path);
    add(path, std::move(*key));
  }
  return keys;
}

Result<std::string> KeyFolder::keep(const std::string& name, const SigningKey& key) const {
  RETURN_IF_ERROR(make());
  std::string path = at(key_file_name(name, key.id(), "key"));
  RETURN_IF_ERROR(os::write_private_key(path, key.pem()));
  return path;
}

Result<std::string> KeyFolder::keep(const std::string& name, const ExchangeKey& key) const {
  RETURN_IF_ERROR(make());
  std::string path = at(key_file_name(name, key.public_key().id().hex(), "key"));
  RETURN_IF_ERROR(os::write_private_key(path, key.pem()));
  RETURN_IF_ERROR(os::write_text(files(), at(name + ".pub"), key.public_key().pem()));
  return path;
}

Result<std::vector<Member>> KeyFolder::members() const {
  std::vector<Member> members;
  ASSIGN_OR_RETURN(const auto revoked, revoked_ids());
  ASSIGN_OR_RETURN(const std::vector<std::string> names, names_ending_with(".pub"));
  for (const std::string& file : names) {
    Result<Recipient> read = read_recipient(at(file));
    if (!read) continue;
    const std::string id = read->key.id().hex();
    const bool is_group = exists(key_file_name(read->name, id, "grants"));
    members.push_back({std::move(read->name), read->key, is_group, revoked.contains(id)});
  }
  return members;
}

Result<std::set<std::string>> KeyFolder::ids_of(const std::string& name) const {
  std::set<std::string> ids;
  ASSIGN_OR_RETURN(const std::vector<std::string> keys, names_ending_with(".key"));
  for (const std::string& file : keys) {
    if (!is_key_file_of(file, name)) continue;
    const Result<std::string> pem = os::read_private_key(at(file));
    if (!pem) continue;
    if (const Result<ExchangeKey> key = ExchangeKey::of_pem(*pem)) ids.insert(key->public_key().id().hex());
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> grants, names_ending_with(".grants"));
  for (const std::string& file : grants) {
    const Result<Grants> read = read_grants(at(file));
    if (!read) continue;
    for (const Grant& grant : read->grants) {
      if (grant.name == name) ids.insert(grant.to.hex());
    }
  }
  return ids;
}

Result<Json> KeyFolder::revoked() const {
  const Result<std::string> text = os::read_file(files(), at("revoked.json"), kMaxRevokedBytes);
  if (!text && text.error().code == Code::kNotFound) return Json::array();
  if (!text) return text.error();
  Result<Json> json = Json::parse(*text);
  if (!json) return with_context(std::move(json).error(), at("revoked.json"));
  if (!json->is_array()) return Error{Code::kCorrupt, at("revoked.json") + " is no list"};
  return json;
}

Result<std::map<std::string, std::string>> KeyFolder::revoked_ids() const {
  ASSIGN_OR_RETURN(const Json rows, revoked());
  std::map<std::string, std::string> ids;
  for (const Json& row : rows.as_array()) {
    const Result<std::string> id = row.get_string("id");
    if (!id) return with_context(id.error(), at("revoked.json"));
    ids.emplace(*id, row.get_string("at").value_or(""));
  }
  return ids;
}

Result<bool> KeyFolder::is_revoked(const std::string& id) const {
  ASSIGN_OR_RETURN(const auto ids, revoked_ids());
  return ids.contains(id);
}

Status KeyFolder::revoke(const std::set<std::string>& ids, const std::string& name, std::int64_t now_s) const {
  ASSIGN_OR_RETURN(Json rows, revoked());
  ASSIGN_OR_RETURN(const auto before, revoked_ids());
  for (const std::string& id : ids) {
    if (before.contains(id)) continue;
    rows.push_back(Json::object({{"id", id}, {"name", name}, {"at", tuf::format_time(now_s)}}));
  }
  return os::write_text(files(), at("revoked.json"), rows.dump(1) + "\n");
}

std::string key_file_name(const std::string& name, const std::string& id, const std::string& ending) {
  return name + "-" + id.substr(0, kShortId) + "." + ending;
}

Status check_key_name(const std::string& name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  };
  constexpr std::array<std::string_view, 5> kRoles = {"root", "targets", "snapshot", "timestamp", "online"};
  if (std::ranges::find(kRoles, name) != kRoles.end())
    return Error{Code::kInvalid, "'" + name + "' is the name of a role; choose another"};
  if (looks_like_an_id(name)) return Error{Code::kInvalid, "'" + name + "' looks like the id of a key; choose another"};
  if (!name.empty() && name.size() <= kMaxName && name[0] != '.' && name[0] != '-' &&
      std::ranges::all_of(name, allowed))
    return {};
  return Error{Code::kInvalid, "'" + name + "' is no name for a key: 1 to 100 letters, digits and . _ -"};
}

}  // namespace arete::bundle
