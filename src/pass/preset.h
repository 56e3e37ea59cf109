// Presets: which passes each --level runs, in order. A table and nothing else.
// Threads: constants.
#pragma once

#include <span>
#include <string_view>

namespace arete::pass {

struct PresetRow {
  std::string_view name;
  std::string_view summary;
  std::span<const std::string_view> passes;
};

std::span<const PresetRow> all_presets();
const PresetRow* find_preset(std::string_view name);

}  // namespace arete::pass
