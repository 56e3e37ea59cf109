#include "bundle/choose_variant.h"

#include <algorithm>

namespace arete::bundle {
namespace {

constexpr std::string_view kAnyPlatform = "any";

std::string list_of(const Manifest& manifest) {
  std::string text;
  for (const Variant& variant : manifest.variants)
    text += (text.empty() ? "'" : ", '") + variant.name + "' for " + variant.target + " by " + variant.engine;
  return text;
}

std::string list_of(std::span<const std::string_view> engines) {
  std::string text;
  for (const std::string_view engine : engines) text += (text.empty() ? "" : ", ") + std::string(engine);
  return text;
}

bool has_engine(const VariantWish& wish, const Variant& variant) {
  return std::ranges::find(wish.engines, variant.engine) != wish.engines.end();
}

Result<const Variant*> named(const Manifest& manifest, const VariantWish& wish) {
  const Variant* const found = find_variant(manifest, wish.name);
  if (found == nullptr) {
    return Error{Code::kNotFound,
                 "there is no variant '" + std::string(wish.name) + "'; there is " + list_of(manifest)};
  }
  if (has_engine(wish, *found)) return found;
  return Error{Code::kUnavailable, "the variant '" + found->name + "' is for the engine " + found->engine +
                                       "; this program has " + list_of(wish.engines)};
}

}  // namespace

Result<const Variant*> choose_variant(const Manifest& manifest, const VariantWish& wish) {
  if (!wish.name.empty()) return named(manifest, wish);
  for (const std::string_view target : {wish.platform, kAnyPlatform}) {
    const auto found = std::ranges::find_if(manifest.variants, [&](const Variant& variant) {
      return variant.target == target && has_engine(wish, variant);
    });
    if (found != manifest.variants.end()) return &*found;
  }
  return Error{Code::kNotFound, "no variant is for " + std::string(wish.platform) + " and " + list_of(wish.engines) +
                                    "; there is " + list_of(manifest) + " (--variant NAME takes one all the same)"};
}

}  // namespace arete::bundle
