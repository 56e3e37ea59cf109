// Which of a bundle's variants a machine opens.
// Threads: pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "bundle/manifest.h"
#include "core/result.h"

namespace arete::bundle {

struct VariantWish {
  std::string_view platform;                  // of this machine: "x86_64-linux"
  std::span<const std::string_view> engines;  // that it has
  std::string_view name = {};                 // "": whichever fits
};

// Without a name the first for the platform, else the first for any; only those whose engine is there. With one that
// variant, whatever its target: who names it knows. kNotFound without one that fits, which lists all; kUnavailable
// where the named one wants another engine. Points into the manifest.
Result<const Variant*> choose_variant(const Manifest& manifest, const VariantWish& wish);

}  // namespace arete::bundle
