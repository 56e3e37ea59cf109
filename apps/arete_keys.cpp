// `arete keys VERB`: who may sign updates, and who may read confidential models.
#include <array>

#include "apps/cli.h"
#include "apps/keys_verbs.h"
#include "apps/verbs.h"

namespace arete::apps {

int run_keys(int argc, char** argv) {
  CLI::App app("Who may sign updates, and who may read confidential models.", "arete keys");
  app.footer(
      "\nThe usual way:\n"
      "  arete keys new trust                      root.json for the devices, 2 of 3 root keys rule it\n"
      "  arete keys new device line-7              a key pair; its private key belongs on the device alone\n"
      "                                            (or is made there, and line-7.pub alone comes here:\n"
      "                                            arete keys new device line-7 --keys FOLDER)\n"
      "  arete keys new group hall-2 --member line-7\n"
      "  arete bundle seal shoes.arete -o sealed.arete --to keys/hall-2.pub\n"
      "  arete keys revoke line-7                  it was stolen\n"
      "docs/keys.md says what lies in the folder, and what to do when something is lost.");
  const std::array<Subverb, 5> verbs = {add_keys_new(app), add_keys_list(app), add_keys_rotate(app),
                                        add_keys_revoke(app), add_keys_sign(app)};
  return run_one_of(app, argc, argv, verbs);
}

}  // namespace arete::apps
