#include "pass/preset.h"

#include <algorithm>
#include <array>

namespace arete::pass {
namespace {

// In running order.
constexpr auto kFast = std::to_array<std::string_view>({
    "eliminate_identity",
    "eliminate_nop_transpose",
    "eliminate_dead_code",
});
constexpr auto kBalanced = std::to_array<std::string_view>({
    "fold_constants",
    "eliminate_identity",
    "eliminate_nop_transpose",
    "fuse_bn_into_conv",
    "eliminate_dead_code",
});
constexpr auto kAggressive = std::to_array<std::string_view>({
    "fold_constants",
    "eliminate_identity",
    "eliminate_nop_transpose",
    "fuse_bn_into_conv",
    "fuse_add_bias_into_conv",
    "eliminate_dead_code",
});

constexpr std::array<PresetRow, 3> kPresets = {{
    {"fast", "only rewrites that do no arithmetic", kFast},
    {"balanced", "and constants computed, batch normalisation folded into convolutions", kBalanced},
    {"aggressive", "and constant additions folded into convolutions", kAggressive},
}};

}  // namespace

std::span<const PresetRow> all_presets() { return kPresets; }

const PresetRow* find_preset(std::string_view name) {
  const auto* found = std::ranges::find(kPresets, name, &PresetRow::name);
  return found == kPresets.end() ? nullptr : found;
}

}  // namespace arete::pass
