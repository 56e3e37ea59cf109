// What the official onnx library does for us: its checker (a warning, never a gate), shape
// inference, version conversion, inlining of functions. Weights over 1 KiB are held back from it and handed on as typed
// inputs, so that time and memory do not grow with the weights.
// Call verify() first: the library is not made for hostile graphs.
// Threads: pure. Its exceptions stop here.
#pragma once

#include <optional>
#include <string>

#include "core/result.h"
#include "graph/model.h"

namespace arete::graph {

// What the official checker says against the model, or nothing when it agrees.
std::optional<std::string> official_complaint(const Model& model);

// The model with graph.values holding the type of every inner tensor that could be inferred. Where
// inference fails, the types known so far are kept: it is never an error.
Model infer_shapes(Model model);

// The same model in a newer opset of the ONNX domain; unchanged when it is there already.
// kUnsupported with the library's reason when some operator cannot be converted, and where it would come out as
// another one; for a model with functions of its own.
Result<Model> convert_opset(const Model& model, std::int64_t opset);

// The same model with the bodies of its own functions in place of their calls, brought to the model's opset where
// they use another; unchanged without functions. A function that the library leaves alone stays.
// kUnsupported with the library's reason.
Result<Model> inline_functions(const Model& model);

}  // namespace arete::graph
