// Private keys from files: the one place that reads them.
//
// A key that others on this machine may read is none: files must belong to this user (or root) and to nobody else's
// eyes. Not for: certificates and public keys (os/base/files.h), making keys.
// Threads: any. Blocks for the file.
#pragma once

#include <string>

#include "core/result.h"

namespace arete::os {

// The bytes of a key file. kUntrusted where its permissions let others in (says the chmod), kNotFound, kIo, kInvalid
// for what is no regular file, kExhausted above 1 MiB.
Result<std::string> read_private_key(const std::string& path);

}  // namespace arete::os
