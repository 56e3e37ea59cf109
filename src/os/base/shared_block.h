// SharedBlock: memory that two processes see at once, growing as one of them needs it.
//
// It can never shrink, so that neither side makes the other one stumble; but what it holds may change at any time where
// the other side is not trusted: copy first, then judge. Threads: one at a time. Ownership: owns its mapping and its
// memory file; the memory goes with the last process that has it. Limits: what the caller allows in reserve() and
// map().
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/result.h"
#include "os/base/descriptor.h"

namespace arete::os {

class SharedBlock {
 public:
  // An empty one. kExhausted, kUnsupported (a system without memory files).
  static Result<SharedBlock> create();
  // The same one in the process that it was handed to.
  explicit SharedBlock(Descriptor file) : file_(std::move(file)) {}
  SharedBlock(SharedBlock&& other) noexcept;
  SharedBlock& operator=(SharedBlock&&) = delete;
  ~SharedBlock();

  // At least `bytes` are there afterwards; spans from before are no longer good. kExhausted.
  Status reserve(std::uint64_t bytes);
  // Maps what the other side reserved. kCorrupt when the file is shorter than `bytes`.
  Status map(std::uint64_t bytes);
  std::span<std::byte> bytes() const { return mapped_; }

  // Gives the memory behind the first `keep_bytes` back to the system; it reads as zeros from then on.
  void release(std::uint64_t keep_bytes);

  int descriptor() const { return file_.number(); }

 private:
  Status map_anew(std::uint64_t bytes);

  Descriptor file_;
  std::span<std::byte> mapped_;
};

}  // namespace arete::os
