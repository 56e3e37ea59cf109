#include "os/base/shared_block.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

namespace arete::os {
namespace {

constexpr std::uint64_t kPageBytes = 4096;
constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 46;  // more than any machine has; keeps sums from overflowing

std::uint64_t whole_pages(std::uint64_t bytes) { return (bytes + kPageBytes - 1) / kPageBytes * kPageBytes; }

Error no_memory(const char* what) { return {Code::kExhausted, std::string(what) + ": " + std::strerror(errno)}; }

}  // namespace

Result<SharedBlock> SharedBlock::create() {
  Descriptor file(::memfd_create("arete", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file.is_open()) {
    const Code code = errno == ENOSYS ? Code::kUnsupported : Code::kExhausted;
    return Error{code, std::string("no shared memory: ") + std::strerror(errno)};
  }
  if (::fcntl(file.number(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_SEAL) != 0) {
    return Error{Code::kUnsupported, std::string("shared memory cannot be sealed: ") + std::strerror(errno)};
  }
  return SharedBlock(std::move(file));
}

SharedBlock::SharedBlock(SharedBlock&& other) noexcept
    : file_(std::move(other.file_)), mapped_(std::exchange(other.mapped_, {})) {}

SharedBlock::~SharedBlock() {
  if (!mapped_.empty()) ::munmap(mapped_.data(), mapped_.size());
}

Status SharedBlock::reserve(std::uint64_t bytes) {
  if (bytes <= mapped_.size()) return {};
  if (bytes > kMostBytes) return Error{Code::kExhausted, std::to_string(bytes) + " bytes of shared memory"};
  // Half as much again, so that slowly growing batches do not map each time. Untouched pages cost nothing.
  const std::uint64_t wanted = whole_pages(std::max(bytes, std::uint64_t{mapped_.size()} * 3 / 2));
  struct stat now{};
  if (::fstat(file_.number(), &now) != 0) return no_memory("no shared memory");
  if (static_cast<std::uint64_t>(now.st_size) < wanted &&
      ::ftruncate(file_.number(), static_cast<off_t>(wanted)) != 0) {
    return no_memory("no shared memory");
  }
  return map_anew(wanted);
}

Status SharedBlock::map(std::uint64_t bytes) {
  if (bytes <= mapped_.size()) return {};
  struct stat now{};
  if (::fstat(file_.number(), &now) != 0 || now.st_size < 0 || static_cast<std::uint64_t>(now.st_size) < bytes) {
    return Error{Code::kCorrupt, "shared memory is shorter than the other process says"};
  }
  return map_anew(whole_pages(bytes) <= static_cast<std::uint64_t>(now.st_size) ? whole_pages(bytes) : bytes);
}

Status SharedBlock::map_anew(std::uint64_t bytes) {
  void* const made = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file_.number(), 0);
  if (made == MAP_FAILED) return no_memory("shared memory cannot be mapped");
  if (!mapped_.empty()) ::munmap(mapped_.data(), mapped_.size());
  mapped_ = {static_cast<std::byte*>(made), static_cast<std::size_t>(bytes)};
  return {};
}

void SharedBlock::release(std::uint64_t keep_bytes) {
  const std::uint64_t from = whole_pages(std::min(keep_bytes, kMostBytes));
  if (from >= mapped_.size()) return;
  ::fallocate(file_.number(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(from),
              static_cast<off_t>(mapped_.size() - from));
}

}  // namespace arete::os
