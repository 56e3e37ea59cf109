// `arete keys sign`: a root goes from one key to the next until enough have signed.
#include <memory>

#include "apps/cli.h"
#include "apps/keys_options.h"
#include "apps/keys_verbs.h"

namespace arete::apps {
namespace {

struct Options {
  std::string root, folder = "keys";
  std::vector<std::string> also;
  bool json = false;
};

int sign(const Options& o) {
  const Result<bundle::RootStep> step = bundle::sign_root_further(bundle::KeyFolder(o.folder), o.root, {o.also, {}});
  return step ? tell_root(*step, o.json) : fail(step.error());
}

}  // namespace

KeysVerb add_keys_sign(CLI::App& keys) {
  const auto o = std::make_shared<Options>();
  CLI::App* const app = keys.add_subcommand("sign", "a further signature for a root that is not complete");
  app->add_option("ROOT", o->root, "N.root.json.unfinished")->required();
  app->add_option("--with", o->also, "a private root key that lies elsewhere (may be given again)")->take_all();
  add_keys_option(*app, o->folder);
  app->add_flag("--json", o->json, "one JSON object on the last line");
  return {app, [o] { return sign(*o); }};
}

}  // namespace arete::apps
