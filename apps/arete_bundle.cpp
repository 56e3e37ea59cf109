// `arete bundle VERB`: one file that carries a model with its proof.
#include <array>

#include "apps/bundle_verbs.h"
#include "apps/cli.h"
#include "apps/verbs.h"

namespace arete::apps {

int run_bundle(int argc, char** argv) {
  CLI::App app("One file that carries a model with its proof: its variants, golden answers, card and claims.",
               "arete bundle");
  app.footer(
      "\nThe usual way:\n"
      "  arete optimize model.onnx -o small.onnx --target mobile --calibration images/\n"
      "  arete bundle create small.onnx -o shoes-1.0.0.arete --name shoes --version 1.0.0\n"
      "  arete bundle show shoes-1.0.0.arete\n"
      "  arete bundle extract shoes-1.0.0.arete -o shoes/\n"
      "docs/formats/bundle.md has the bytes.");
  const std::array<Subverb, 11> verbs = {add_bundle_create(app),  add_bundle_show(app), add_bundle_verify(app),
                                         add_bundle_extract(app), add_bundle_diff(app), add_bundle_delta(app),
                                         add_bundle_apply(app),   add_bundle_seal(app), add_bundle_grant(app),
                                         add_bundle_publish(app), add_bundle_fetch(app)};
  return run_one_of(app, argc, argv, verbs);
}

}  // namespace arete::apps
