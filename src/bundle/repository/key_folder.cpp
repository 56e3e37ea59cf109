#include "bundle/repository/key_folder.h"

#include <algorithm>
#include <array>

#include "bundle/files/open_bundle.h"
#include "bundle/tuf_author.h"
#include "bundle/tuf_client.h"
#include "os/base/files.h"
#include "os/keystore/keystore.h"

namespace arete::bundle {
namespace {

constexpr std::uint64_t kMaxRevokedBytes = std::uint64_t{16} << 20;
constexpr std::size_t kMaxName = 100;

const os::FileSystem& files() { return os::real_file_system(); }

Result<std::vector<std::string>> names_ending_with(const std::string& folder, std::string_view ending) {
  ASSIGN_OR_RETURN(std::vector<std::string> names, files().list(folder));
  std::erase_if(names, [&](const std::string& name) { return !name.ends_with(ending); });
  return names;
}

}  // namespace

std::string KeyFolder::at(const std::string& name) const { return os::join_path(path_, name); }
bool KeyFolder::exists(const std::string& name) const { return files().info(at(name)).has_value(); }
Status KeyFolder::make() const { return files().make_folders(path_); }

Result<std::string> KeyFolder::root() const {
  Result<std::string> text = os::read_file(files(), at("root.json"), tuf::kMaxRootBytes);
  if (text || text.error().code != Code::kNotFound) return text;
  return Error{Code::kNotFound, "there is no root.json in " + path_ + "; `arete keys new trust` makes the first"};
}

Status KeyFolder::save_root(std::int64_t version, const std::string& text) const {
  RETURN_IF_ERROR(make());
  RETURN_IF_ERROR(os::write_text(files(), at(std::to_string(version) + ".root.json"), text));
  return os::write_text(files(), at("root.json"), text);
}

Result<std::vector<NamedKey>> KeyFolder::signing_keys(const std::vector<std::string>& also) const {
  std::vector<NamedKey> keys;
  ASSIGN_OR_RETURN(const std::vector<std::string> names, names_ending_with(path_, ".key"));
  for (const std::string& name : names) {
    ASSIGN_OR_RETURN(const std::string pem, os::read_private_key(at(name)));
    Result<SigningKey> key = SigningKey::of_pem(pem);
    if (key) keys.push_back({at(name), std::move(*key)});  // others are what models are sealed to
  }
  for (const std::string& path : also) {
    ASSIGN_OR_RETURN(const std::string pem, os::read_private_key(path));
    Result<SigningKey> key = SigningKey::of_pem(pem);
    if (!key) return with_context(std::move(key).error(), path);
    keys.push_back({path, std::move(*key)});
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

Result<ExchangeKey> KeyFolder::exchange_key(const std::string& name, const Digest& id) const {
  const std::string path = at(key_file_name(name, id.hex(), "key"));
  ASSIGN_OR_RETURN(const std::string pem, os::read_private_key(path));
  Result<ExchangeKey> key = ExchangeKey::of_pem(pem);
  return key ? std::move(key) : with_context(std::move(key).error(), path);
}

Result<std::vector<Member>> KeyFolder::members() const {
  std::vector<Member> members;
  ASSIGN_OR_RETURN(const std::vector<std::string> names, names_ending_with(path_, ".pub"));
  for (const std::string& file : names) {
    ASSIGN_OR_RETURN(Recipient read, read_recipient(at(file)));
    const std::string id = read.key.id().hex();
    const bool is_group = exists(key_file_name(read.name, id, "grants"));
    ASSIGN_OR_RETURN(const bool is_revoked, this->is_revoked(id));
    members.push_back({std::move(read.name), read.key, is_group, is_revoked});
  }
  return members;
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

Result<bool> KeyFolder::is_revoked(const std::string& id) const {
  ASSIGN_OR_RETURN(const Json rows, revoked());
  return std::ranges::any_of(rows.as_array(), [&](const Json& row) {
    const Json* const named = row.find("id");
    return named != nullptr && named->is_string() && named->as_string() == id;
  });
}

Status KeyFolder::revoke(const std::string& id, const std::string& name, std::int64_t now_s) const {
  ASSIGN_OR_RETURN(Json rows, revoked());
  rows.push_back(Json::object({{"id", id}, {"name", name}, {"at", tuf::format_time(now_s)}}));
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
  constexpr std::array<std::string_view, 3> kRoles = {"root", "targets", "online"};
  if (std::ranges::find(kRoles, name) != kRoles.end())
    return Error{Code::kInvalid, "'" + name + "' is the name of a role; choose another"};
  if (!name.empty() && name.size() <= kMaxName && name[0] != '.' && name[0] != '-' &&
      std::ranges::all_of(name, allowed))
    return {};
  return Error{Code::kInvalid, "'" + name + "' is no name for a key: 1 to 100 letters, digits and . _ -"};
}

}  // namespace arete::bundle
