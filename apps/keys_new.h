// `arete keys new`: what it takes, and its root.
// Threads: one.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "bundle/repository/key_folder.h"

namespace arete::apps {

struct KeysNew {
  const CLI::App* app = nullptr;  // which options were given
  std::string kind, name, folder = "keys";
  std::vector<std::string> members;
  std::int64_t roots = 3, threshold = 2, days = 365;
  bool json = false;
};

// -> exit status.
int new_trust(const KeysNew& o, const bundle::KeyFolder& folder);

}  // namespace arete::apps
