// ONNX bytes <-> Model, by the official library's messages. Opset 7 to the newest it knows.
//
// Reading never trusts: sizes are checked before they are believed, external data may only lie in
// the model's own folder, depth and counts are limited. Reading does not judge the graph; call
// graph/verifier.h next.
// Threads: all functions are pure but for the loader that the caller hands in.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/result.h"
#include "graph/model.h"

namespace arete::graph {

// Gives the bytes of a file beside the model (`location` is relative and already checked: no "..",
// not absolute). Mapping the file keeps untouched weights free of cost.
using ExternalLoader = std::function<Result<SharedBytes>(const std::string& location)>;

struct ReadOptions {
  ExternalLoader load_external;  // empty: a model with external data is kInvalid
};

// Reading a file of so many bytes takes at most so much memory, external data (which is mapped) aside: what would take
// more is refused before anything is allocated. Real models take 3 to 30 times their bytes beside their weights, which
// are copied once.
constexpr std::uint64_t max_read_bytes(std::uint64_t file_bytes) { return 64 * file_bytes + 256'000'000; }

struct ReadModel {
  Model model;
  // Initialisers that old exporters also listed as inputs; reading made them constants.
  std::vector<std::string> frozen_inputs;
  // Files beside the model that hold weights, and how many bytes of each they take (at most its size: some may share).
  std::map<std::string, std::uint64_t> external_files;
};

// kCorrupt (no ONNX model, cut short), kInvalid (sizes that do not fit, bad paths), kUnsupported,
// kExhausted (limits, max_read_bytes), kNotFound (external data that is not there).
Result<ReadModel> read_onnx(std::span<const std::byte> bytes, const ReadOptions& options = {});

struct WriteOptions {
  // When not empty, tensors of 1 KiB and more go there (a file beside the model), aligned to 4 KiB.
  std::string external_location;
};

struct WrittenModel {
  std::string bytes;                        // the .onnx file
  std::vector<SharedBytes> external_parts;  // the external file's content, part by part
};

// Deterministic: equal models give equal bytes. kExhausted when the file would pass protobuf's
// 2 GiB: then write with external_location.
Result<WrittenModel> write_onnx(const Model& model, const WriteOptions& options = {});
// Bytes of all weights, to decide about external data before writing.
std::uint64_t weight_bytes(const Model& model);
inline constexpr std::uint64_t kMaxInlineBytes = 2'000'000'000;

}  // namespace arete::graph
