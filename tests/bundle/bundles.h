// Bundles for the tests of this folder.
#pragma once

#include <random>
#include <string>
#include <vector>

#include "bundle/bundle.h"
#include "bundle/draft.h"
#include "core/zip.h"

namespace arete::test {

// What zstd makes nothing of.
inline std::string noise(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

inline std::span<const std::byte> view(std::string_view text) { return std::as_bytes(std::span(text)); }

inline bundle::Manifest small_manifest() {
  bundle::Manifest manifest;
  manifest.name = "shoes";
  manifest.version = "1.4.0-rc.1";
  manifest.release = 7;
  manifest.minimum_agent = "0.1.0";
  manifest.changelog = "heels";
  manifest.inputs = {{"x", DType::kFloat32, {-1, 3}}};
  manifest.outputs = {{"y", DType::kFloat32, {-1, 2}}, {"z", DType::kInt64, {}}};
  manifest.card.emplace().output = {OutputKind::kClassification, Activation::kSoftmax, {"low", "high"}};
  manifest.variants = {
      {"int8", "aarch64-linux", "onnxruntime", "int8/m.onnx", {{"y", 0.015, 0.01}, {"z", 0, 0}}, 0.9375}};
  manifest.golden = {"golden.npz", 16};
  manifest.claims = {{"top-1 accuracy", 92.5, "%", "10,000 images"}, {"size", 3, "", "counted"}};
  return manifest;
}

inline bundle::Sink into(std::string& bytes) {
  return [&bytes](std::span<const std::byte> part) -> Status {
    bytes.append(reinterpret_cast<const char*>(part.data()), part.size());
    return {};
  };
}

inline std::string bytes_of(bundle::Contents& contents) {
  std::string bytes;
  CHECK(bundle::write_bundle(contents, into(bytes)).has_value());
  return bytes;
}

// Borrows the text.
inline Result<bundle::Bundle> open(const std::string& bytes) {
  return bundle::Bundle::open(read_at_memory(view(bytes)), bytes.size());
}

inline Result<std::string> read(bundle::Contents& contents, std::string_view path) {
  std::string content;
  RETURN_IF_ERROR(read_file(contents, *find_file(contents.manifest(), path), into(content)));
  return content;
}

}  // namespace arete::test
