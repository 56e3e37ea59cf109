#include "pass/preset.h"

#include <algorithm>
#include <array>

namespace arete::pass {
namespace {

constexpr std::array<std::string_view, 3> kFast = {"eliminate_identity", "eliminate_nop_transpose",
                                                   "eliminate_dead_code"};
constexpr std::array<std::string_view, 4> kBalanced = {"eliminate_identity", "eliminate_nop_transpose",
                                                       "fuse_bn_into_conv", "eliminate_dead_code"};
constexpr std::array<std::string_view, 5> kAggressive = {"eliminate_identity", "eliminate_nop_transpose",
                                                         "fuse_bn_into_conv", "fuse_add_bias_into_conv",
                                                         "eliminate_dead_code"};

constexpr std::array<PresetRow, 3> kPresets = {{
    {"fast", "only rewrites that do no arithmetic", kFast},
    {"balanced", "and batch normalisation folded into convolutions", kBalanced},
    {"aggressive", "and constant additions folded into convolutions", kAggressive},
}};

}  // namespace

std::span<const PresetRow> all_presets() { return kPresets; }

const PresetRow* find_preset(std::string_view name) {
  const auto* found = std::ranges::find(kPresets, name, &PresetRow::name);
  return found == kPresets.end() ? nullptr : found;
}

}  // namespace arete::pass
