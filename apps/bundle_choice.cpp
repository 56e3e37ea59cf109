#include "apps/bundle_choice.h"

#include <sys/resource.h>

#ifdef __linux__
#include <sys/prctl.h>
#endif

namespace arete::apps {
namespace {

// From now on a crash writes no memory to a disk: keys and what they open are in it.
void forbid_core_files() {
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
#ifdef __linux__
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);  // RLIMIT_CORE does not hold where cores are piped to a program
#endif
}

}  // namespace

void add_bundle_choice(CLI::App& app, BundleChoice& choice) {
  app.add_option("--variant", choice.variant,
                 "which of a bundle's variants (default: the first for this platform, else for any)");
  add_key_options(app, choice.keys);
}

void add_key_options(CLI::App& app, bundle::KeyFiles& o) {
  app.add_option("--key", o.keys, "a private key that a sealed bundle was granted to (may be given again)")
      ->take_all()
      ->each([](const std::string&) { forbid_core_files(); });
  app.add_option("--grants", o.grants, "further grants, of a group say; those in BUNDLE.grants are read anyway")
      ->take_all();
}

}  // namespace arete::apps
