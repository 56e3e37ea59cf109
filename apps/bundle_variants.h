// The variants of a model that go into one bundle: each with its files, cut at its weights, and open on the engine.
// Threads: one. Ownership: the drafts borrow from the mapped files, which a variant owns.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bundle/draft.h"
#include "core/result.h"
#include "engine/engine.h"

namespace arete::apps {

struct ModelVariant {
  std::string name;
  std::string target = "any";
  std::string path;
  std::string model = {};  // its path in the bundle
  std::vector<SharedBytes> held = {};
  std::vector<bundle::FileDraft> files = {};
  std::unique_ptr<engine::Session> session = {};
};

// "NAME=FILE" or "NAME@TARGET=FILE". kInvalid for anything else.
Result<ModelVariant> parse_variant(const std::string& argument);
// Fills in everything behind `path`. Errors begin with the path.
Status read_variant(ModelVariant& variant, engine::Engine& engine, int threads);
// kInvalid unless all have the first one's inputs and outputs.
Status check_alike(const std::vector<ModelVariant>& variants);

}  // namespace arete::apps
