// Manifest: what a bundle says of itself. Everything else in it is blobs that the manifest names by their content, so
// who trusts the manifest's digest trusts all of it.
//
// docs/formats/bundle.md has every field. A manifest is kept and passed on as the text that was published, so that
// fields which are not known here stay in it.
// Not for: where blobs lie and in what form (contents.h), whether the manifest is to be believed.
// Threads: values and pure functions. Limits: below.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bundle/blob.h"
#include "bundle/digest.h"
#include "core/dtype.h"
#include "core/json.h"
#include "core/model_card.h"
#include "core/result.h"
#include "core/shape.h"

namespace arete::bundle {

inline constexpr std::size_t kMaxManifestBytes = std::size_t{16} << 20;
inline constexpr std::size_t kMaxFiles = 4096;
inline constexpr std::size_t kMaxVariants = 64;
inline constexpr std::size_t kMaxBlobs = 200'000;
inline constexpr std::size_t kMaxBlobUses = 400'000;  // one blob may stand in several places
inline constexpr std::uint64_t kMaxFileBytes = std::uint64_t{64} << 30;
inline constexpr std::size_t kMaxPathBytes = 255;
inline constexpr std::size_t kMaxNameBytes = 100;

// An input or output of every variant. Dynamic sizes are -1.
struct TensorInfo {
  std::string name;
  DType dtype = DType::kUndefined;
  Shape shape;
};

// A file of the bundle: its blobs one behind the other.
struct BundleFile {
  std::string path;  // "int8/model.onnx"
  std::uint64_t bytes = 0;
  Digest digest;
  std::vector<std::uint32_t> blobs;  // indices
};

// How far one output of a variant may be from the golden answers.
struct OutputTolerance {
  std::string output;
  double tolerance = 0;   // a share of the sample's largest absolute value
  double difference = 0;  // what was measured
};

// A form of the model.
struct Variant {
  std::string name;    // "int8"
  std::string target;  // "any", or a platform: "aarch64-linux"
  std::string engine;  // "onnxruntime"
  std::string model;   // the path of the file that the engine opens
  std::vector<OutputTolerance> tolerances;
  std::optional<double> agreement;  // share of the golden samples whose top-1 is that of the answers
};

// A file of samples.
struct SampleFile {
  std::string path;
  std::int64_t samples = 0;
};

// A statement about the model, and how it was come by.
struct Claim {
  std::string what;  // "top-1 accuracy"
  double value = 0;
  std::string unit;  // "%"
  std::string how;   // "10,000 test images, ONNX Runtime 1.31, one thread"
};

struct Manifest {
  std::string name;
  std::string version;        // semantic
  std::uint64_t release = 0;  // counts up with every release of the name: what is lower is older, whatever is said
  std::string minimum_agent;  // semantic; "": any
  std::string changelog;
  std::vector<TensorInfo> inputs;
  std::vector<TensorInfo> outputs;
  std::optional<ModelCard> card;
  std::vector<Variant> variants;
  std::optional<SampleFile> golden;  // nothing: unproven
  std::optional<SampleFile> evaluation;
  std::optional<SampleFile> reference;  // for drift (watch/reference.h): made of so many samples
  std::vector<Claim> claims;
  std::vector<BundleFile> files;
  std::vector<Blob> blobs;
};

// kCorrupt for text that is no JSON, kInvalid naming the field, kExhausted over a limit, kUntrusted for paths that lead
// out of the bundle. A manifest that was read obeys every rule of docs/formats/bundle.md.
Result<Manifest> parse_manifest(std::string_view text);
// The same rules for one that was made.
Status check_manifest(const Manifest& manifest);
// One line, always the same for the same manifest.
std::string write_manifest(const Manifest& manifest);

// nullptr where there is none.
const BundleFile* find_file(const Manifest& manifest, std::string_view path);
const Variant* find_variant(const Manifest& manifest, std::string_view name);
std::uint64_t blob_bytes(const Manifest& manifest);  // of all blobs, each once
std::uint64_t file_bytes(const Manifest& manifest);  // of all files

}  // namespace arete::bundle
