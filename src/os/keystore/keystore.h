// Private keys in files: the one place that reads and writes them.
//
// A key that others on this machine may read is none: files must belong to this user (or root) and to nobody else's
// eyes. Not for: certificates and public keys (os/base/files.h), what a key is made of.
// Threads: any. Blocks for the file.
#pragma once

#include <string>
#include <string_view>

#include "core/result.h"

namespace arete::os {

// The bytes of a key file. kUntrusted where its permissions let others in (says the chmod), kNotFound, kIo, kInvalid
// for what is no regular file (a FIFO is not waited for) and for a public key in PEM, kExhausted above 1 MiB.
Result<std::string> read_private_key(const std::string& path);

// A new file, 0600 from its first moment, whole and on the disk or not there (without hard links, as on FAT, a power
// cut can leave a part of it). kConflict where there is one: a key is never written over.
Status write_private_key(const std::string& path, std::string_view text);

}  // namespace arete::os
