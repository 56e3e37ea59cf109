#include "tune/seen_samples.h"

#include <cstring>

namespace arete::tune {
namespace {

std::uint64_t mix(std::uint64_t hash, std::uint64_t word) {
  hash = (hash ^ word) * 0x9E3779B97F4A7C15U;
  return hash ^ (hash >> 29U);
}

std::uint64_t hash_of(const Sample& sample) {
  std::uint64_t hash = 0;
  for (const NamedTensor& input : sample.inputs) {
    hash = mix(hash, static_cast<std::uint64_t>(input.tensor.dtype()));
    if (input.tensor.dtype() == DType::kString) {
      for (const std::string& text : input.tensor.strings()) hash = mix(hash, std::hash<std::string>()(text));
      continue;
    }
    std::span<const std::byte> bytes = input.tensor.bytes();
    while (!bytes.empty()) {
      std::uint64_t word = 0;
      const std::size_t taken = std::min(bytes.size(), sizeof(word));
      std::memcpy(&word, bytes.data(), taken);
      hash = mix(hash, word);
      bytes = bytes.subspan(taken);
    }
  }
  return hash;
}

}  // namespace

Result<std::optional<Sample>> WatchedSource::next() {
  Result<std::optional<Sample>> sample = source_.next();
  if (sample && sample->has_value()) see(hash_of(**sample));
  return sample;
}

void RememberedSource::see(std::uint64_t hash) {
  if (seen_.size() < kMaxSeenSamples) seen_.insert(hash);
}

Status CountedSource::rewind() {
  known_ = 0;
  return WatchedSource::rewind();
}

}  // namespace arete::tune
