// The verbs of `arete bundle`: each adds its options to the command line and gives what to do when it was asked for.
#pragma once

#include "apps/cli.h"

namespace arete::apps {

Subverb add_bundle_create(CLI::App& bundle);
Subverb add_bundle_show(CLI::App& bundle);
Subverb add_bundle_verify(CLI::App& bundle);
Subverb add_bundle_extract(CLI::App& bundle);
Subverb add_bundle_diff(CLI::App& bundle);
Subverb add_bundle_delta(CLI::App& bundle);
Subverb add_bundle_apply(CLI::App& bundle);
Subverb add_bundle_seal(CLI::App& bundle);
Subverb add_bundle_grant(CLI::App& bundle);
Subverb add_bundle_publish(CLI::App& bundle);
Subverb add_bundle_fetch(CLI::App& bundle);

}  // namespace arete::apps
