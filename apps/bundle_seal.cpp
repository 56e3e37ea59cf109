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
  bundle::KeyFiles keys;
  bool json = false;
};

void add_options(CLI::App& app, Options& o) {
  app.add_option("BUNDLE", o.bundle, "the bundle")->required();
  app.add_option("--to", o.recipients, "the public key of a device or a group, NAME.pub (may be given again)")
      ->required()
      ->take_all();
  add_key_options(app, o.keys);
  app.add_flag("--json", o.json, "one JSON object on the last line");
}

Status grant_all(const Options& o, const bundle::ContentKey& key, bundle::Grants& grants) {
  for (const std::string& path : o.recipients) {
    ASSIGN_OR_RETURN(const bundle::Recipient recipient, bundle::read_recipient(path));
    ASSIGN_OR_RETURN(const bool is_revoked,
                     bundle::KeyFolder(os::folder_of(path)).is_revoked(recipient.key.id().hex()));
    if (is_revoked)
      return Error{Code::kUntrusted, path + " is revoked (revoked.json beside it): nothing is granted to it"};
    RETURN_IF_ERROR(add_grant(grants, key.secret(), recipient));
  }
  return {};
}

Status write_grants_file(const std::string& bundle_path, const bundle::Grants& grants) {
  return os::write_text(os::real_file_system(), bundle::grants_path_of(bundle_path), bundle::write_grants(grants));
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

// The grants come first: a sealed bundle without them is lost, and grants without a bundle are nothing.
int seal(const Options& o) {
  Result<bundle::Bundle> opened = bundle::open_bundle(os::real_file_system(), o.bundle, o.keys);
  if (!opened) return fail(opened.error());
  const Result<bundle::ContentKey> key = bundle::ContentKey::generate();
  if (!key) return fail(key.error());
  bundle::Grants grants{bundle::Grants::Kind::kContent, manifest_digest(*opened), {}};
  Status done = grant_all(o, *key, grants);
  if (done) done = write_grants_file(o.output, grants);
  if (!done) return fail(done.error());
  const Result<std::uint64_t> bytes =
      write_file(o.output, "sealing", [&](const bundle::Sink& sink, const bundle::Progress& told) {
        return bundle::write_bundle(*opened, sink, told, &*key);
      });
  return bytes ? tell(o, o.output, grants) : fail(bytes.error());
}

int grant(const Options& o) {
  Result<bundle::Bundle> opened = bundle::open_bundle(os::real_file_system(), o.bundle, o.keys);
  if (!opened) return fail(opened.error());
  if (!opened->is_sealed())
    return fail({Code::kInvalid, o.bundle + " is not sealed: everybody can read it; seal it first"});
  if (opened->content_key() == nullptr)
    return fail({Code::kInvalid, "who grants must be granted it: give your own key with --key"});
  Result<bundle::Grants> grants = bundle::read_grants(bundle::grants_path_of(o.bundle));
  if (!grants) return fail(grants.error());
  Status done = grant_all(o, *opened->content_key(), *grants);
  if (done) done = write_grants_file(o.bundle, *grants);
  return done ? tell(o, o.bundle, *grants) : fail(done.error());
}

}  // namespace

BundleVerb add_bundle_seal(CLI::App& bundle) {
  const auto o = std::make_shared<Options>();
  CLI::App* const app = bundle.add_subcommand("seal", "a copy that only those read who are granted its key");
  app->add_option("-o,--output", o->output, "the sealed bundle; its grants lie beside it in OUTPUT.grants")->required();
  add_options(*app, *o);
  app->footer("\nGrant it to a key of your own too, or you can make neither a delta from it nor a further grant.");
  return {app, [o] { return seal(*o); }};
}

BundleVerb add_bundle_grant(CLI::App& bundle) {
  const auto o = std::make_shared<Options>();
  CLI::App* const app = bundle.add_subcommand("grant", "let more devices or groups read a sealed bundle");
  add_options(*app, *o);
  return {app, [o] { return grant(*o); }};
}

}  // namespace arete::apps
