// Bytes that are written once into memory and that nobody can change afterwards: a file without a name or a place on
// a disk, mapped read-only.
//
// Not for: what another process shall see (shared_block.h), small values.
// Threads: pure. Ownership: the bytes go with their last owner. Limits: the memory that the machine has to give.
#pragma once

#include <cstdint>

#include "core/result.h"
#include "core/tensor.h"
#include "os/base/files.h"

namespace arete::os {

// What `write` appends, which must be `size_bytes` long (kCorrupt else). kExhausted, before any memory is taken, where
// the machine has less to give; kUnsupported where the system has no such files.
Result<SharedBytes> sealed_bytes(std::uint64_t size_bytes, const WriteContent& write);

}  // namespace arete::os
