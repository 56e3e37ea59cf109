#include "os/base/sealed_bytes.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "os/base/descriptor.h"
#include "os/base/machine.h"

namespace arete::os {
namespace {

Error failure(Code code, const char* what) { return {code, std::string(what) + ": " + std::strerror(errno)}; }

Status check_room(std::uint64_t size_bytes) {
  const std::uint64_t available = available_bytes();
  if (available == 0 || size_bytes <= available) return {};
  return Error{Code::kExhausted, "it takes " + std::to_string(size_bytes) + " bytes of memory, and " +
                                     std::to_string(available) + " are to be had"};
}

Error other_size(std::uint64_t has, std::uint64_t says) {
  return {Code::kCorrupt, "it has " + std::to_string(has) + " bytes and says " + std::to_string(says)};
}

}  // namespace

Result<SharedBytes> sealed_bytes(std::uint64_t size_bytes, const WriteContent& write) {
  RETURN_IF_ERROR(check_room(size_bytes));
  const Descriptor file(::memfd_create("arete", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file.is_open()) return failure(errno == ENOSYS ? Code::kUnsupported : Code::kExhausted, "no memory file");
  std::uint64_t written = 0;
  // Written, not mapped and filled: where memory ends this is an error, and that a signal.
  RETURN_IF_ERROR(write([&](std::span<const std::byte> part) -> Status {
    written += part.size();
    if (written > size_bytes) return other_size(written, size_bytes);
    return write_whole(file, part) ? Status() : Status(failure(Code::kExhausted, "no memory"));
  }));
  if (written != size_bytes) return other_size(written, size_bytes);
  if (::fcntl(file.number(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
    return failure(Code::kUnsupported, "a memory file cannot be sealed");
  if (size_bytes == 0) return SharedBytes{};
  const auto size = static_cast<std::size_t>(size_bytes);
  void* const address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.number(), 0);
  if (address == MAP_FAILED) return failure(Code::kExhausted, "a memory file cannot be mapped");
  std::shared_ptr<const void> owner(address, [size](const void* at) { ::munmap(const_cast<void*>(at), size); });
  return SharedBytes{std::move(owner), {static_cast<const std::byte*>(address), size}};
}

}  // namespace arete::os
