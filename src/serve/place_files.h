// PlaceFiles: the files of one version of a model: the model, its card, its golden answers. They lie in a folder,
// beside the model, or in a bundle.
//
// Not for: which version that is (model_places.h).
// Threads: one. Ownership: borrows the files that it was opened with; an open bundle is its own.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "bundle/files/bundle_files.h"
#include "bundle/files/open_bundle.h"
#include "core/model_card.h"
#include "core/result.h"
#include "engine/engine.h"
#include "os/base/files.h"
#include "proof/golden.h"
#include "serve/model_places.h"

namespace arete::serve {

// What of a bundle is served.
struct VariantChoice {
  std::string_view engine;                 // the one that opens it
  std::string_view name = {};              // "": the first for this platform, else for any
  const bundle::KeyFiles* keys = nullptr;  // that open sealed bundles; nullptr: none
};

class PlaceFiles {
 public:
  // kConflict where a bundle is another version by now than the place says; errors of bundles begin with its path.
  static Result<PlaceFiles> open(const os::FileSystem& files, const ModelPlace& place, const VariantChoice& choice);

  // Nothing where there is none.
  Result<std::optional<ModelCard>> card() const;
  Result<engine::ModelSource> model() const;
  Result<std::optional<proof::Golden>> golden(std::span<const engine::ValueInfo> inputs,
                                              std::span<const engine::ValueInfo> outputs) const;

  // Of the model's own file, before it is read.
  Result<std::uint64_t> model_bytes() const;
  const std::string& model_path() const { return model_path_; }  // in a bundle: with the bundle's path before it
  std::string golden_path() const { return golden_path_of(model_path_); }

 private:
  explicit PlaceFiles(const os::FileSystem& outside) : outside_(&outside) {}
  const os::FileSystem& files() const { return bundle_ != nullptr ? *bundle_ : *outside_; }

  const os::FileSystem* outside_;
  std::unique_ptr<const bundle::BundleFiles> bundle_;
  std::string model_path_;
  std::string card_path_;  // "": beside the model
};

}  // namespace arete::serve
