#include "proof/random_inputs.h"

#include <cstring>
#include <functional>
#include <optional>
#include <string>

#include "proof/random.h"

namespace arete::proof {
namespace {

template <class T>
void fill(std::span<std::byte> bytes, const std::function<T()>& next) {
  for (std::size_t at = 0; at + sizeof(T) <= bytes.size(); at += sizeof(T)) {
    const T value = next();
    std::memcpy(bytes.data() + at, &value, sizeof(T));
  }
}

std::uint16_t to_bfloat16(float value) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof(bits));
  return static_cast<std::uint16_t>(bits >> 16);
}

// False for dtypes that have no sensible random values.
bool fill_random(DType dtype, std::span<std::byte> bytes, Random& random) {
  const auto uniform = [&] { return 2 * random.unit() - 1; };
  const auto single = [&] { return static_cast<float>(uniform()); };
  const auto bit = [&] { return random.below(2); };
  switch (dtype) {
    case DType::kFloat32:
      fill<float>(bytes, single);
      return true;
    case DType::kFloat64:
      fill<double>(bytes, uniform);
      return true;
    case DType::kFloat16:
      fill<std::uint16_t>(bytes, [&] { return float_to_half(single()); });
      return true;
    case DType::kBfloat16:
      fill<std::uint16_t>(bytes, [&] { return to_bfloat16(single()); });
      return true;
    case DType::kUint8:
    case DType::kInt8:
    case DType::kUint4:
    case DType::kInt4:
      fill<std::uint8_t>(bytes, [&] { return static_cast<std::uint8_t>(random.below(256)); });
      return true;
    case DType::kBool:
      fill<std::uint8_t>(bytes, [&] { return static_cast<std::uint8_t>(bit()); });
      return true;
    case DType::kUint16:
    case DType::kInt16:
      fill<std::uint16_t>(bytes, [&] { return static_cast<std::uint16_t>(bit()); });
      return true;
    case DType::kUint32:
    case DType::kInt32:
      fill<std::uint32_t>(bytes, bit);
      return true;
    case DType::kUint64:
    case DType::kInt64:
      fill<std::uint64_t>(bytes, bit);
      return true;
    default:
      return false;
  }
}

Result<Tensor> random_tensor(const engine::ValueInfo& info, Random& random, std::int64_t batch) {
  const Error unsupported{Code::kUnsupported, "input '" + info.name + "' (" + engine::describe(info) +
                                                  "): nothing random stands for it, only real samples would do"};
  if (!info.known_shape || info.dtype == DType::kUndefined || info.dtype == DType::kString) {
    return unsupported;
  }
  Shape shape = info.shape;
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    if (shape[axis] == -1) shape[axis] = axis == 0 ? batch : 1;
  }
  Result<Tensor> tensor = Tensor::zeros(info.dtype, std::move(shape));
  if (!tensor) return with_context(std::move(tensor).error(), "input '" + info.name + "'");
  if (!fill_random(info.dtype, tensor->mutable_bytes(), random)) return unsupported;
  return tensor;
}

class RandomSource final : public SampleSource {
 public:
  RandomSource(std::vector<engine::ValueInfo> inputs, std::uint64_t seed, std::size_t count)
      : inputs_(std::move(inputs)), seed_(seed), count_(count) {}

  Result<std::optional<Sample>> next() override {
    if (at_ == count_) return std::optional<Sample>();
    Sample sample;
    sample.origin = "random sample " + std::to_string(at_);
    ASSIGN_OR_RETURN(sample.inputs, random_inputs(inputs_, seed_ + at_));
    ++at_;
    return std::optional<Sample>(std::move(sample));
  }
  Status rewind() override {
    at_ = 0;
    return {};
  }
  std::size_t size() const override { return count_; }
  bool has_labels() const override { return false; }

 private:
  std::vector<engine::ValueInfo> inputs_;
  std::uint64_t seed_;
  std::size_t count_;
  std::size_t at_ = 0;
};

}  // namespace

Result<std::vector<NamedTensor>> random_inputs(std::span<const engine::ValueInfo> inputs, std::uint64_t seed,
                                               std::int64_t batch) {
  Random random(seed);
  std::vector<NamedTensor> tensors;
  for (const engine::ValueInfo& info : inputs) {
    ASSIGN_OR_RETURN(Tensor tensor, random_tensor(info, random, batch));
    tensors.push_back({info.name, std::move(tensor)});
  }
  return tensors;
}

Result<std::unique_ptr<SampleSource>> random_samples(std::vector<engine::ValueInfo> inputs, std::uint64_t seed,
                                                     std::size_t count, const BatchRule& rule) {
  if (rule.exact) {
    for (engine::ValueInfo& input : inputs) input.shape[0] = 1;
  }
  RETURN_IF_ERROR(random_inputs(inputs, seed));  // so that the caller learns at once
  return std::unique_ptr<SampleSource>(std::make_unique<RandomSource>(std::move(inputs), seed, count));
}

}  // namespace arete::proof
