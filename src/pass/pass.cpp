#include "pass/pass.h"

#include <algorithm>
#include <array>

namespace arete::pass {
namespace {

constexpr auto kPasses = std::to_array<PassRow>({
    {"fold_constants", "computes what depends on no input once, ahead of time", fold_constants, false},
    {"eliminate_identity", "removes Identity nodes", eliminate_identity, true},
    {"eliminate_nop_transpose", "removes Transpose nodes that move nothing", eliminate_nop_transpose, true},
    {"fuse_bn_into_conv", "folds BatchNormalization into the Conv before it", fuse_bn_into_conv, false},
    {"fuse_add_bias_into_conv", "folds a constant Add into the bias of the Conv before it", fuse_add_bias_into_conv,
     false},
    {"eliminate_dead_code", "removes nodes and weights that nothing reads", eliminate_dead_code, true},
});

}  // namespace

std::span<const PassRow> all_passes() { return kPasses; }

const PassRow* find_pass(std::string_view name) {
  const auto* found = std::ranges::find(kPasses, name, &PassRow::name);
  return found == kPasses.end() ? nullptr : found;
}

}  // namespace arete::pass
