// A model as text that a person reads, edits and compares: one line a value, weight and node. The short
// form shows larger weights, and what only travels (`extra`), by fingerprints (FNV-1a), so that whatever
// differs between two models differs in their texts; the complete form holds every byte and reads back.
// Format: docs/formats/text.md. Threads: pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/result.h"
#include "graph/model.h"
#include "graph/onnx_io.h"

namespace arete::graph {

struct TextOptions {
  std::size_t max_elements = 8;  // tensors up to this many elements are printed as numbers
  bool complete = false;         // larger ones and what only travels as bytes, not as fingerprints
};

std::string to_text(const Model& model, const TextOptions& options = {});

inline constexpr std::size_t kMaxTextBytes = std::size_t{1} << 30;

// True where bytes begin as a text graph does, and no ONNX file can.
bool looks_like_text(std::string_view bytes);

// The inverse of the complete form: a model that write_onnx makes the same bytes of. Comments (# to the
// end of a line), other indentation and blank lines are allowed. kInvalid with line and column for what is
// not understood, kUnsupported for a fingerprint, kExhausted past the limits of model.h and past max_read_bytes of the
// text, and the errors of read_onnx, whose judgement the text passes. Not for judging the graph: call sort_nodes and
// verify.
Result<ReadModel> from_text(std::string_view text);

}  // namespace arete::graph
