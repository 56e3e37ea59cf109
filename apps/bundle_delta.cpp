// `arete bundle delta` and `apply`: what makes a newer bundle of an older one.
#include <iostream>
#include <memory>

#include "apps/bundle_verbs.h"
#include "apps/bundles.h"
#include "apps/cli.h"
#include "bundle/delta.h"
#include "os/base/files.h"

namespace arete::apps {
namespace {

struct Options {
  std::string older;
  std::string other;  // the newer bundle, or the delta
  std::string output;
  bundle::KeyFiles keys;
  bool json = false;
};

void add_options(CLI::App& app, Options& o) {
  app.add_option("-o,--output", o.output, "the new file")->required();
  add_key_options(app, o.keys);
  add_json_option(app, o.json);
}

int tell(const Options& o, const bundle::Contents& older, const bundle::Contents& newer,
         const Result<std::uint64_t>& bytes) {
  if (!bytes) return fail(bytes.error());
  const bundle::Manifest& manifest = newer.manifest();
  if (o.json) {
    print_json(Json::object({{"path", o.output},
                             {"bytes", *bytes},
                             {"name", manifest.name},
                             {"from_version", older.manifest().version},
                             {"version", manifest.version},
                             {"manifest_sha256", manifest_digest(newer).hex()}}));
  } else {
    std::cout << o.output << ": " << *bytes << " bytes, " << manifest.name << " from " << older.manifest().version
              << " to " << manifest.version << "\n";
  }
  return kDone;
}

int delta(const Options& o) {
  Result<bundle::Bundle> older = bundle::open_bundle(os::real_file_system(), o.older, o.keys);
  if (!older) return fail(older.error());
  Result<bundle::Bundle> newer = bundle::open_bundle(os::real_file_system(), o.other, o.keys);
  if (!newer) return fail(newer.error());
  older->set_path(o.older);
  newer->set_path(o.other);
  if (newer->is_sealed() && newer->content_key() == nullptr)
    return fail({Code::kUntrusted, o.other + " is sealed; give a key that it was granted to (--key)"});
  const auto bytes = write_file(o.output, "comparing", [&](const bundle::Sink& sink, const bundle::Progress& told) {
    return bundle::write_delta(*older, *newer, sink, told, newer->content_key());
  });
  return tell(o, *older, *newer, bytes);
}

// What was sealed stays sealed, whatever the delta says, and what the delta says is sealed becomes it, with the newer
// bundle's key.
Status unseal(const Options& o, const bundle::Bundle& older, bundle::Patched& newer) {
  if (!older.is_sealed() && !newer.is_sealed()) return {};
  ASSIGN_OR_RETURN(const bundle::ContentKey key, bundle::content_key(o.keys, o.other, manifest_digest(newer)));
  newer.unseal_with(key);
  return {};
}

int apply(const Options& o) {
  Result<bundle::Bundle> older = bundle::open_bundle(os::real_file_system(), o.older, o.keys);
  if (!older) return fail(older.error());
  older->set_path(o.older);
  Result<OpenFile> file = open_for_reading(o.other);
  if (!file) return fail(file.error());
  Result<bundle::Patched> newer = bundle::Patched::open(*older, std::move(file->read), file->size_bytes);
  if (!newer) return fail(with_context(newer.error(), o.other));
  if (const Status done = unseal(o, *older, *newer); !done) return fail(with_context(done.error(), o.other));
  const auto bytes = write_file(o.output, "joining", [&](const bundle::Sink& sink, const bundle::Progress& told) {
    return bundle::write_bundle(*newer, sink, told, newer->content_key());
  });
  return tell(o, *older, *newer, bytes);
}

}  // namespace

Subverb add_bundle_delta(CLI::App& bundle) {
  const auto o = std::make_shared<Options>();
  CLI::App* const app = bundle.add_subcommand("delta", "what makes a newer bundle of an older one");
  app->add_option("OLDER", o->older, "the older bundle")->required();
  app->add_option("NEWER", o->other, "the newer one")->required();
  add_options(*app, *o);
  return {app, [o] { return delta(*o); }};
}

Subverb add_bundle_apply(CLI::App& bundle) {
  const auto o = std::make_shared<Options>();
  CLI::App* const app = bundle.add_subcommand("apply", "the newer bundle, of an older one and a delta");
  app->add_option("OLDER", o->older, "the bundle that the delta was made from")->required();
  app->add_option("DELTA", o->other, "the delta")->required();
  add_options(*app, *o);
  return {app, [o] { return apply(*o); }};
}

}  // namespace arete::apps
