// What the verbs of `arete keys` share: options, and how a root is told of.
// Threads: one.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "bundle/repository/key_roots.h"
#include "core/json.h"

namespace arete::apps {

inline constexpr std::int64_t kSecondsADay = 86'400;

void add_keys_option(CLI::App& app, std::string& folder);
void add_root_options(CLI::App& app, std::int64_t& days, std::vector<std::string>& also);
// What came of it, for people; -> exit status.
int tell_root(const bundle::RootStep& step, bool json, Json more = Json::object());
// Seconds since 1970, UTC, by this machine's clock.
std::int64_t now_s();

}  // namespace arete::apps
