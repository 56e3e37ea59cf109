// The verbs of `arete keys`: each adds its options to the command line and gives what to do when it was asked for.
#pragma once

#include "apps/cli.h"

namespace arete::apps {

Subverb add_keys_new(CLI::App& keys);
Subverb add_keys_list(CLI::App& keys);
Subverb add_keys_rotate(CLI::App& keys);
Subverb add_keys_revoke(CLI::App& keys);
Subverb add_keys_sign(CLI::App& keys);

}  // namespace arete::apps
