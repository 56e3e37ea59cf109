// `arete passes`: the tables of passes and presets.
#include <iostream>

#include "apps/cli.h"
#include "apps/verbs.h"
#include "pass/pass.h"
#include "pass/preset.h"

namespace arete::apps {

int run_passes(int argc, char** argv) {
  bool json = false;
  CLI::App app("The graph passes, and which of them each --level runs.", "arete passes");
  add_json_option(app, json);
  if (const auto status = parse(app, argc, argv)) return *status;
  Json passes = Json::array();
  for (const pass::PassRow& row : pass::all_passes()) {
    passes.push_back(Json::object({{"name", row.name}, {"summary", row.summary}, {"exact", row.exact}}));
    if (!json) std::cout << row.name << std::string(28 - row.name.size(), ' ') << row.summary << "\n";
  }
  Json presets = Json::object();
  for (const pass::PresetRow& row : pass::all_presets()) {
    Json names = Json::array();
    if (!json) std::cout << "\n--level " << row.name << ": " << row.summary << "\n ";
    for (const std::string_view name : row.passes) {
      names.push_back(name);
      if (!json) std::cout << " " << name;
    }
    presets.set(std::string(row.name), std::move(names));
  }
  if (json)
    print_json(Json::object({{"passes", std::move(passes)}, {"presets", std::move(presets)}}));
  else
    std::cout << "\n";
  return kDone;
}

}  // namespace arete::apps
