// FolderLock: the one that changes a folder, while others who want to wait.
//
// Between processes on one machine, by a file `.lock` in the folder that stays there. Whoever is killed lets go.
// Not for: readers; what they need is replaced whole.
// Threads: a value; one owner. Two of one folder in one thread wait for each other for ever. Blocks.
#pragma once

#include <string>
#include <utility>

#include "core/result.h"
#include "os/base/descriptor.h"

namespace arete::os {

class FolderLock {
 public:
  // Waits until it is ours. kNotFound where there is no such folder, kIo where nothing can be written to it.
  static Result<FolderLock> take(const std::string& folder);

 private:
  explicit FolderLock(Descriptor file) : file_(std::move(file)) {}
  Descriptor file_;
};

}  // namespace arete::os
