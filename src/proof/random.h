// Random: seeded numbers that are the same on every machine and standard library.
//
// Not for: secrets. Threads: each has its own.
// Paper: Steele, Lea, Flood, "Fast splittable pseudorandom number generators" (SplitMix64).
#pragma once

#include <cstdint>

namespace arete::proof {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    state_ += 0x9E3779B97F4A7C15ULL;
    std::uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9ULL;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBULL;
    return mixed ^ (mixed >> 31);
  }
  // 0 .. bound-1 for a bound of at least 1; the bias is below bound / 2^32.
  std::uint32_t below(std::uint32_t bound) { return static_cast<std::uint32_t>(((next() >> 32) * bound) >> 32); }
  // [0, 1), in steps of 2^-24: exact in float and double alike.
  double unit() { return static_cast<double>(next() >> 40) * 0x1p-24; }

 private:
  std::uint64_t state_;
};

}  // namespace arete::proof
