// Contents: a manifest and a way to its blobs, wherever they lie: in a bundle, in pieces that are to become one, in an
// older bundle and a delta.
//
// Threads: one. Blobs are checked by their digests before they are given.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "bundle/content_key.h"
#include "bundle/manifest.h"
#include "core/result.h"

namespace arete::bundle {

class Contents {
 public:
  virtual ~Contents() = default;
  virtual const Manifest& manifest() const = 0;
  // As it was published: what a signature is about.
  virtual const std::string& manifest_text() const = 0;
  // The blob's bytes, until the next call. kCorrupt where they are not what the manifest says.
  virtual Result<std::span<const std::byte>> blob(std::size_t index) = 0;
};

// Takes bytes that follow those before.
using Sink = std::function<Status(std::span<const std::byte> bytes)>;
// Told how many of how many bytes are done.
using Progress = std::function<void(std::uint64_t done, std::uint64_t total)>;

Digest manifest_digest(const Contents& contents);
// The file's bytes in order. kCorrupt at the end where the whole has another digest.
Status read_file(Contents& contents, const BundleFile& file, const Sink& sink);
// Every blob, once.
Status verify(Contents& contents, const Progress& told = {});
// The whole bundle (docs/formats/bundle.md), one blob in memory at a time; sealed where there is a key.
Status write_bundle(Contents& contents, const Sink& sink, const Progress& told = {}, const ContentKey* key = nullptr);

}  // namespace arete::bundle
