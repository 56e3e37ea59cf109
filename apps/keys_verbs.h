// The verbs of `arete keys`: each adds its options to the command line and gives what to do when it was asked for.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace arete::apps {

struct KeysVerb {
  CLI::App* app;             // borrowed from its parent
  std::function<int()> run;  // -> exit status
};

KeysVerb add_keys_new(CLI::App& keys);
KeysVerb add_keys_list(CLI::App& keys);
KeysVerb add_keys_rotate(CLI::App& keys);
KeysVerb add_keys_revoke(CLI::App& keys);
KeysVerb add_keys_sign(CLI::App& keys);

}  // namespace arete::apps
