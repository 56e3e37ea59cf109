// TensorWriter: rows of 8-bit pixels into the elements of a tensor, normalised and laid out as a card says.
//
// Not for: checking the card (image_tensor_shape has). Threads: of one thread. Ownership: borrows the slot.
// A channel has 256 values: each is computed once, and a row is looked up.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/dtype.h"
#include "core/model_card.h"

namespace arete::media {

class TensorWriter {
 public:
  // dtype: float32, float16 or uint8. `slot` holds the tensor, aligned or not.
  TensorWriter(const InputCard& card, DType dtype, std::span<std::byte> slot);

  // Row y of the upright image: card.width pixels, of the card's channels or of one, which then stands for all.
  void write_row(int y, const std::uint8_t* pixels, int channels) const;
  // The same for column x: card.height pixels.
  void write_column(int x, const std::uint8_t* pixels, int channels) const;

 private:
  struct Steps {
    std::size_t row = 0;
    std::size_t column = 0;
    std::size_t channel = 0;
  };
  template <class Bits>
  void write(std::size_t first, std::size_t step, std::size_t count, const std::uint8_t* pixels, int channels) const;
  void write_line(std::size_t first, std::size_t step, std::size_t count, const std::uint8_t* pixels,
                  int channels) const;

  DType dtype_;
  std::span<std::byte> slot_;
  std::size_t width_;
  std::size_t height_;
  std::size_t channels_;
  Steps steps_;                                            // in elements
  std::array<std::array<std::uint32_t, 256>, 3> table_{};  // the bits of each element, in the low bytes
};

}  // namespace arete::media
