// What a model goes through before it must still compute the same: a table of rewrites.
// Threads: pure.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "core/result.h"
#include "graph/model.h"
#include "pass/pass.h"
#include "tests/conformance/compare.h"

namespace arete::conformance {

inline constexpr std::int64_t kEngineOpset = 26;  // the newest that the pinned ONNX Runtime opens

// What a rewrite may use besides the model. Borrowed for the call.
struct Given {
  std::span<const NamedTensor> inputs;  // what the model will be run with
  const pass::Evaluate& evaluate;
};

struct RewriteRow {
  std::string_view name;
  Likeness likeness;  // of the outputs before and after
  // Of models with float16: the engine computes a chain of them in float32, and a constant in between is rounded.
  Likeness halves;
  bool may_refuse;  // kUnsupported is an answer, of the rewrite or of the engine for what came out
  Result<graph::Model> (*rewrite)(const graph::Model& model, const Given& given);
};

std::span<const RewriteRow> all_rewrites();

// The same result computed of constants alone, an Identity before each output: what fold_constants folds.
graph::Model make_constant(const graph::Model& model, std::span<const NamedTensor> inputs);

// The same computation with an Identity behind each input, one or a Transpose that moves nothing before each output,
// and a node and a weight that nobody reads: something to do for each exact pass in any model.
Result<graph::Model> add_nops(const graph::Model& model);

// The model with its convolution's weights made constants (from `inputs`), and a BatchNormalization and a constant Add
// behind it: what the fusing passes fold. Nothing where there is no float Conv alone in the graph.
std::optional<graph::Model> make_fusable(const graph::Model& model, std::span<const NamedTensor> inputs);

}  // namespace arete::conformance
