// What the verbs of `arete keys` share: options, and how roots and groups are told of.
// Threads: one.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include "bundle/repository/key_groups.h"
#include "bundle/repository/key_roots.h"
#include "core/json.h"
#include "core/result.h"

namespace arete::apps {

inline constexpr std::int64_t kSecondsADay = 86'400;

void add_keys_option(CLI::App& app, std::string& folder);
void add_root_options(CLI::App& app, std::int64_t& days, std::vector<std::string>& also);
// kInvalid where one of these was given, which says nothing of `what`.
Status check_not_given(const CLI::App& app, std::initializer_list<const char*> options, const std::string& what);

// Warns of files in the folder that cannot be used.
Status warn_of(const bundle::KeyFolder& folder);
// What came of it, for people; -> exit status.
int tell_root(const bundle::RootStep& step, bool json, Json more = Json::object());
// New pairs of groups: their files, and who is to get them.
Json json_of(const bundle::Renewal& renewal);
Json json_of(const std::vector<std::string>& names);
void print_renewal(const bundle::Renewal& renewal);
// Seconds since 1970, UTC, by this machine's clock.
std::int64_t now_s();

}  // namespace arete::apps
