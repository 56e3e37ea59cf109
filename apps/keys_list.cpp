// `arete keys list`: who may sign what, whose private keys are here, and whom models are sealed to.
#include <algorithm>
#include <iomanip>
#include <iostream>
#include <memory>

#include "apps/cli.h"
#include "apps/keys_options.h"
#include "apps/keys_verbs.h"
#include "bundle/repository/key_groups.h"
#include "bundle/tuf_author.h"

namespace arete::apps {
namespace {

namespace tuf = bundle::tuf;

struct Options {
  std::string folder = "keys";
  bool json = false;
};

std::string path_of(const std::vector<bundle::NamedKey>& keys, const std::string& id) {
  const auto found = std::ranges::find_if(keys, [&](const bundle::NamedKey& named) { return named.key.id() == id; });
  return found == keys.end() ? "" : found->path;
}

Json json_of_root(const tuf::RootDraft& root, const std::vector<bundle::NamedKey>& keys) {
  Json roles = Json::object();
  for (const auto& [name, role] : root.roles) {
    Json rows = Json::array();
    for (const auto& [id, key] : role.keys) {
      const std::string path = path_of(keys, id);
      rows.push_back(Json::object({{"id", id}, {"private", path.empty() ? Json() : Json(path)}}));
    }
    roles.set(name, Json::object({{"threshold", role.threshold}, {"keys", std::move(rows)}}));
  }
  return Json::object({{"version", root.version},
                       {"expires", tuf::format_time(root.expires_s)},
                       {"expired", root.expires_s <= now_s()},
                       {"roles", std::move(roles)}});
}

void print_root(const tuf::RootDraft& root, const std::vector<bundle::NamedKey>& keys) {
  std::cout << "root " << root.version << ", good until " << tuf::format_time(root.expires_s)
            << (root.expires_s <= now_s() ? ": EXPIRED, `arete keys rotate root` renews it" : "") << "\n";
  for (const auto& [name, role] : root.roles) {
    std::cout << "  " << std::left << std::setw(11) << name << role.threshold << " of " << role.keys.size() << "\n";
    for (const auto& [id, key] : role.keys) {
      const std::string path = path_of(keys, id);
      std::cout << "    " << id << "  " << (path.empty() ? "elsewhere" : path) << "\n";
    }
  }
}

// Of the newest root, where there is one.
Status add_root(const Options& o, const bundle::KeyFolder& folder, Json& json) {
  ASSIGN_OR_RETURN(const std::vector<bundle::NamedKey> keys, folder.signing_keys());
  const Result<std::string> text = folder.root();
  if (!text && text.error().code == Code::kNotFound) return {};
  if (!text) return text.error();
  const Result<tuf::RootDraft> root = tuf::draft_of_root(*text);
  if (!root) return with_context(root.error(), folder.at("root.json"));
  json.set("root", json_of_root(*root, keys));
  if (!o.json) print_root(*root, keys);
  return {};
}

Result<std::vector<std::string>> names_in(const bundle::KeyFolder& folder, const bundle::Member& group) {
  std::vector<std::string> names;
  if (!group.is_group) return names;
  ASSIGN_OR_RETURN(const std::vector<bundle::Grant> grants, bundle::grants_of_group(folder, group));
  for (const bundle::Grant& grant : grants) names.push_back(grant.name.empty() ? grant.to.hex() : grant.name);
  return names;
}

Status add_recipients(const Options& o, const bundle::KeyFolder& folder, Json& json) {
  ASSIGN_OR_RETURN(const std::vector<bundle::Member> members, folder.members());
  ASSIGN_OR_RETURN(const auto revoked, folder.revoked_ids());
  Json rows = Json::array();
  for (const bundle::Member& member : members) {
    const char* const kind = member.is_group ? "group" : "device";
    const std::string id = member.key.id().hex();
    ASSIGN_OR_RETURN(const std::vector<std::string> names, names_in(folder, member));
    Json row = Json::object({{"name", member.name}, {"kind", kind}, {"id", id}, {"revoked", member.is_revoked}});
    if (member.is_group) row.set("members", json_of(names));
    if (member.is_revoked) row.set("revoked_at", revoked.at(id));
    rows.push_back(std::move(row));
    if (o.json) continue;
    std::cout << std::left << std::setw(8) << kind << std::setw(20) << member.name << " " << id
              << (member.is_revoked ? "  revoked " + revoked.at(id) : "") << "\n";
    for (const std::string& name : names) std::cout << "          " << name << "\n";
  }
  json.set("recipients", std::move(rows));
  return {};
}

// Also of keys that nobody has here any more.
Status add_revoked(const Options& o, const bundle::KeyFolder& folder, Json& json) {
  ASSIGN_OR_RETURN(Json rows, folder.revoked());
  for (const Json& row : rows.as_array()) {
    if (!o.json)
      std::cout << "revoked " << std::left << std::setw(20) << row.get_string("name").value_or("?") << " "
                << row.get_string("id").value_or("?") << "  " << row.get_string("at").value_or("?") << "\n";
  }
  json.set("revoked", std::move(rows));
  return {};
}

int list(const Options& o) {
  const bundle::KeyFolder folder(o.folder);
  Json json = Json::object();
  Status done = warn_of(folder);
  for (const auto add : {add_root, add_recipients, add_revoked}) {
    if (done) done = add(o, folder, json);
  }
  if (!done) return fail(done.error());
  if (o.json) print_json(json);
  return kDone;
}

}  // namespace

Subverb add_keys_list(CLI::App& keys) {
  const auto o = std::make_shared<Options>();
  CLI::App* const app = keys.add_subcommand("list", "who may sign what, and whom models are sealed to");
  add_keys_option(*app, o->folder);
  add_json_option(*app, o->json);
  return {app, [o] { return list(*o); }};
}

}  // namespace arete::apps
