#include "apps/bundle_choice.h"

namespace arete::apps {

void add_bundle_choice(CLI::App& app, BundleChoice& choice) {
  app.add_option("--variant", choice.variant,
                 "which of a bundle's variants (default: the first for this platform, else for any)");
  add_key_options(app, choice.keys);
}

void add_key_options(CLI::App& app, bundle::KeyFiles& o) {
  app.add_option("--key", o.keys, "a private key that a sealed bundle was granted to (may be given again)")->take_all();
  app.add_option("--grants", o.grants, "further grants, of a group say; those in BUNDLE.grants are read anyway")
      ->take_all();
}

}  // namespace arete::apps
