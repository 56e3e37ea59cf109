// FeatureReader: which numbers of a model's inputs (or outputs) are watched, and what they are in a sample.
//
// Features, by the tensor's declared shape without its batch axis:
//   fixed, at most 64 elements: each element, `x[3]` (row-major); of the only input, the names of the card's fields
//   else, an input [N,C,H,W] (by the card's layout [N,H,W,C]) with at most 4 channels: mean, deviation, minimum and
//     maximum of each channel, `x.channel0.mean`
//   else the same four of the whole, `x.mean`
// Strings, complex numbers and numbers of less than 8 bits have no features. Four numbers of values among which one is
// NaN or infinite are NaN: the feature is missing in that sample.
// Not for: bins (reference.h). Threads: const use from any. Blocks for a pass over the elements.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/model_card.h"
#include "core/result.h"
#include "core/tensor.h"

namespace arete::watch {

inline constexpr std::int64_t kMaxElementFeatures = 64;  // of one tensor
inline constexpr std::int64_t kMaxChannels = 4;

// What is declared of an input or output. Dynamic sizes are -1.
struct TensorSpec {
  std::string name;
  DType dtype = DType::kUndefined;
  Shape shape;
  bool known_shape = true;
};

class FeatureReader {
 public:
  // `card` is that of inputs; nullptr for outputs, which have no channels. `has_batch_axis`: the first axis of all
  // tensors counts samples. kExhausted over kMaxFeatures (reference.h).
  static Result<FeatureReader> make(std::span<const TensorSpec> tensors, const InputCard* card, bool has_batch_axis);

  const std::vector<std::string>& names() const { return names_; }
  // One value a feature, of tensors that hold one sample (a batch axis is 1). kInvalid for a tensor that is not there
  // or has other sizes than were declared.
  Result<std::vector<double>> read(std::span<const NamedTensor> sample) const;

 private:
  enum class Form : std::uint8_t { kElements, kChannels, kWhole };
  struct Part {
    std::string tensor;
    Form form = Form::kWhole;
    std::int64_t count = 0;  // elements or channels
  };

  static Part part_of(const TensorSpec& tensor, bool may_have_channels, PixelLayout layout, bool has_batch_axis);
  void add_names(const Part& part);
  Status read_part(const Part& part, const Tensor& tensor, std::vector<double>& values) const;

  PixelLayout layout_ = PixelLayout::kNchw;
  std::vector<Part> parts_;
  std::vector<std::string> names_;
};

}  // namespace arete::watch
