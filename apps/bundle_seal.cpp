// `arete bundle seal` and `grant`: a bundle that only those read who were granted its content key.
#include <iostream>
#include <memory>

#include "apps/bundle_verbs.h"
#include "apps/bundles.h"
#include "apps/cli.h"
#include "bundle/repository/key_folder.h"
#include "os/base/files.h"

namespace arete::apps {
namespace {

struct Options {
  std::string bundle, output;
  std::vector<std::string> recipients;
  std::string folder = "keys";
  bundle::KeyFiles keys;
  bool json = false;
};

const os::FileSystem& files() { return os::real_file_system(); }

void add_options(CLI::App& app, Options& o) {
  app.add_option("BUNDLE", o.bundle, "the bundle")->required();
  app.add_option("--to", o.recipients,
                 "a device or a group: its public key NAME.pub, or its NAME in the folder of keys (may be given again)")
      ->required()
      ->take_all();
  app.add_option("--keys", o.folder, "the folder of keys, where there is one: who is revoked is granted nothing")
      ->check(CLI::ExistingDirectory)
      ->capture_default_str();
  add_key_options(app, o.keys);
  add_json_option(app, o.json);
}

// "line-7" is what the folder of keys calls line-7.pub.
std::string path_of(const Options& o, const std::string& to) {
  const std::string named = os::join_path(o.folder, to + ".pub");
  const bool is_path = to.find('/') != std::string::npos || to.ends_with(".pub") || to.ends_with(".key");
  return is_path || (!files().info(named) && files().info(to)) ? to : named;
}

// In the folder of keys, and where the file lies, by its name and by what that leads to.
Status check_revoked(const Options& o, const std::string& path, const bundle::Recipient& recipient) {
  ASSIGN_OR_RETURN(const std::string real, files().canonical(path));
  for (const std::string& folder : {o.folder, os::folder_of(path), os::folder_of(real)}) {
    ASSIGN_OR_RETURN(const bool is_revoked, bundle::KeyFolder(folder).is_revoked(recipient.key.id().hex()));
    if (is_revoked)
      return Error{Code::kUntrusted,
                   path + " is revoked (" + os::join_path(folder, "revoked.json") + "): nothing is granted to it"};
  }
  return {};
}

Status grant_all(const Options& o, const bundle::ContentKey& key, bundle::Grants& grants) {
  for (const std::string& to : o.recipients) {
    const std::string path = path_of(o, to);
    ASSIGN_OR_RETURN(const bundle::Recipient recipient, bundle::read_recipient(path));
    RETURN_IF_ERROR(check_revoked(o, path, recipient));
    RETURN_IF_ERROR(add_grant(grants, key.secret(), recipient));
  }
  return {};
}

// Neither the bundle nor its grants may take the place of anything that is read here.
Status check_output(const Options& o) {
  std::vector<std::string> sources = {o.bundle, bundle::grants_path_of(o.bundle)};
  sources.insert(sources.end(), o.keys.keys.begin(), o.keys.keys.end());
  sources.insert(sources.end(), o.keys.grants.begin(), o.keys.grants.end());
  for (const std::string& to : o.recipients) sources.push_back(path_of(o, to));
  for (const std::string& place : {o.output, bundle::grants_path_of(o.output)}) {
    if (const auto there = files().info(place); there && there->kind != os::FileKind::kFile)
      return Error{Code::kInvalid, "'" + place + "' is there and is no file; give another -o"};
    for (const std::string& source : sources) {
      if (os::same_file(files(), source, place))
        return Error{Code::kInvalid,
                     "'" + place + "' would overwrite '" + source + "', which is read; give another -o"};
    }
  }
  return {};
}

int tell(const Options& o, const std::string& path, const bundle::Grants& grants) {
  if (o.json) {
    Json names = Json::array();
    for (const bundle::Grant& grant : grants.grants) names.push_back(grant.name);
    print_json(Json::object({{"path", path},
                             {"grants", bundle::grants_path_of(path)},
                             {"manifest_sha256", grants.about.hex()},
                             {"granted_to", std::move(names)}}));
  } else {
    std::cout << path << ": granted to " << grants.grants.size() << (grants.grants.size() == 1 ? " key" : " keys")
              << " in " << bundle::grants_path_of(path) << "\n";
  }
  return kDone;
}

int seal(const Options& o) {
  if (const Status free = check_output(o); !free) return fail(free.error());
  Result<bundle::Bundle> opened = bundle::open_bundle(files(), o.bundle, o.keys);
  if (opened && opened->is_sealed() && opened->content_key() == nullptr)
    opened = Error{Code::kUntrusted, o.bundle + " is sealed already; give a key that it was granted to (--key)"};
  if (!opened) return fail(opened.error());
  const Result<bundle::ContentKey> key = bundle::ContentKey::generate();
  if (!key) return fail(key.error());
  bundle::Grants grants{bundle::Grants::Kind::kContent, manifest_digest(*opened), {}};
  opened->set_path(o.bundle);
  ProgressLine line;
  Status done = grant_all(o, *key, grants);
  if (done) done = bundle::write_sealed(o.output, *opened, *key, grants, told_on(line, "sealing"));
  line.clear();
  return done ? tell(o, o.output, grants) : fail(done.error());
}

int grant(const Options& o) {
  Result<bundle::Bundle> opened = bundle::open_bundle(files(), o.bundle, o.keys);
  if (!opened) return fail(opened.error());
  if (!opened->is_sealed()) return fail({Code::kInvalid, o.bundle + " is not sealed: everybody can read it; seal it"});
  Result<bundle::Grants> grants = bundle::read_grants(bundle::grants_path_of(o.bundle));
  if (opened->content_key() == nullptr)
    grants = Error{Code::kInvalid, "who grants must be granted it: give your own key with --key"};
  if (!grants) return fail(grants.error());
  Status done = grant_all(o, *opened->content_key(), *grants);
  if (done) done = os::write_text(files(), bundle::grants_path_of(o.bundle), bundle::write_grants(*grants));
  return done ? tell(o, o.bundle, *grants) : fail(done.error());
}

}  // namespace

Subverb add_bundle_seal(CLI::App& bundle) {
  const auto o = std::make_shared<Options>();
  CLI::App* const app = bundle.add_subcommand("seal", "a copy that only those read who are granted its key");
  app->add_option("-o,--output", o->output, "the sealed bundle; its grants lie beside it in OUTPUT.grants")->required();
  add_options(*app, *o);
  app->footer("\nGrant it to a key of your own too, or you can make neither a delta from it nor a further grant.");
  return {app, [o] { return seal(*o); }};
}

Subverb add_bundle_grant(CLI::App& bundle) {
  const auto o = std::make_shared<Options>();
  CLI::App* const app = bundle.add_subcommand("grant", "let more devices or groups read a sealed bundle");
  add_options(*app, *o);
  return {app, [o] { return grant(*o); }};
}

}  // namespace arete::apps
