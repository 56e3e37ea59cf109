// One random model through rewrites: does it still compute the same? And the smallest part of it that does not.
// Threads: one. Ownership: borrows the engine.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "graph/model.h"
#include "pass/pass.h"
#include "proof/output_match.h"
#include "tests/random_graph/generator.h"

namespace arete::test {

// What is done to a model, and how far its outputs may move.
struct Rewrite {
  std::string name;
  std::function<Status(graph::Model& model)> apply;
  proof::Tolerance tolerance;  // exact unless said otherwise
};

// Why the rewritten model is not the same: it fails, does not verify, does not run, or gives other values.
// Nothing where it is the same, or where the model itself does not run (`broken` then says why).
std::optional<std::string> fault_of(const RandomModel& random, const Rewrite& rewrite, engine::Engine& engine,
                                    std::string* broken = nullptr);

// A smaller model on which the rewrite still has a fault: fewer outputs, and nodes cut off whose values become inputs.
RandomModel shrunk(const RandomModel& random, const Rewrite& rewrite, engine::Engine& engine);

// The fault with the shrunk model as text and its inputs.
std::string described(const RandomModel& random, const Rewrite& rewrite, engine::Engine& engine);

}  // namespace arete::test
