// `arete keys rotate` and `revoke`: what both take, and the two kinds of keys that they change.
// Threads: one.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bundle/repository/key_folder.h"

namespace arete::apps {

struct KeysChange {
  const CLI::App* app = nullptr;  // which options were given
  bool is_revoked = false;
  std::string what, folder = "keys";
  std::vector<std::string> also, joined;
  std::int64_t days = 365;
  bool json = false;
};

// A key of the root, or its time. -> exit status.
int change_root(const KeysChange& change, const bundle::KeyFolder& folder);
// A device or a group; nothing: of this name only older keys are known. -> exit status.
int change_member(const KeysChange& change, const bundle::KeyFolder& folder,
                  const std::optional<bundle::Member>& member);

}  // namespace arete::apps
