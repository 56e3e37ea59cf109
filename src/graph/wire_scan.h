// A look at a model's protobuf bytes before anything is allocated for them: counts nodes and depth of its graphs, for a
// few bytes of a hostile file would otherwise become a hundred times as much memory; and finds where its weights lie.
// Not for: judging the message; what it does not look into is not checked.
// Threads: pure. No recursion. Cost: linear in the messages of graphs, not in the bytes of weights.
// Spec: protobuf.dev/programming-guides/encoding; onnx-ml.proto for the field numbers.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "core/result.h"

namespace arete::graph {

// Messages and strings in the model, its graphs, nodes, attributes and types; a node takes four to ten.
inline constexpr std::size_t kMaxParts = 40'000'000;

// kCorrupt where the bytes end inside a message or are no protobuf; kExhausted with the limit that is
// passed (kMaxNodes, kMaxParts, kMaxSubgraphDepth, max_read_bytes() of onnx_io.h).
Status scan_limits(std::span<const std::byte> model);

// The messages of the initialisers of all graphs, in the order of the bytes; they borrow from `model`. Errors as above.
Result<std::vector<std::span<const std::byte>>> scan_weights(std::span<const std::byte> model);

// kExhausted: a file, or a text, of so many bytes is made of so many small parts that it would pass max_read_bytes().
Error too_many_parts(std::size_t file_bytes);

}  // namespace arete::graph
