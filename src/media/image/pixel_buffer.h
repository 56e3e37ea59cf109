// PixelBuffer: bytes that are used again from image to image and never cleared in between.
//
// A vector would write zeros over a whole image before a decoder writes it, and ask the system for its pages anew.
// Threads: a value of one thread. Ownership: holds its bytes; what was in them is lost when it grows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace arete::media {

class PixelBuffer {
 public:
  // At least so many bytes, of any content. std::bad_alloc when memory ends.
  std::uint8_t* reserve(std::size_t size_bytes) {
    if (size_bytes > size_bytes_) {
      bytes_.reset();  // before the larger one, so that there are never two
      size_bytes_ = 0;
      bytes_ = std::make_unique_for_overwrite<std::uint8_t[]>(size_bytes);
      size_bytes_ = size_bytes;
    }
    return bytes_.get();
  }
  const std::uint8_t* data() const { return bytes_.get(); }
  std::uint8_t* data() { return bytes_.get(); }

  // Gives memory back when it is more than so much.
  void keep_at_most(std::size_t size_bytes) {
    if (size_bytes_ <= size_bytes) return;
    bytes_.reset();
    size_bytes_ = 0;
  }

 private:
  std::unique_ptr<std::uint8_t[]> bytes_;
  std::size_t size_bytes_ = 0;
};

}  // namespace arete::media
