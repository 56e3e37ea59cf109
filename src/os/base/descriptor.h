// Descriptor: an open file of the system, closed with this object.
//
// Not for: reading; that stands where the kind of file is known. Threads: a value; one owner.
// Limits: none but the system's.
#pragma once

#include <cstddef>
#include <span>
#include <utility>

namespace arete::os {

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor();

  int number() const { return number_; }  // -1: none
  bool is_open() const { return number_ >= 0; }

 private:
  int number_ = -1;
};

// All of it, at the file's end or where it was written last. False, with errno, where it cannot be.
bool write_whole(const Descriptor& file, std::span<const std::byte> bytes);

}  // namespace arete::os
