// Highway compiles this file once for each target: what is between HWY_BEFORE_NAMESPACE and HWY_AFTER_NAMESPACE many
// times, each in a namespace of its own, what is under HWY_ONCE once.
// Targets whose vectors have no length at compile time are left out: blocks are of 16 bytes.
#undef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "media/image/resample.cpp"
// clang-format off
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
// clang-format on

#include <algorithm>
#include <cstring>

#include "media/image/resample.h"

HWY_BEFORE_NAMESPACE();
namespace arete::media {
namespace HWY_NAMESPACE {
#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128
void columns(const Filter& filter, int channels, const SourceRows& from, const TargetRows& to) {
  resample_columns_plain(filter, channels, from, to);
}

void row(const Filter& filter, const Window& window, std::span<const std::uint8_t* const> rows, std::size_t size_bytes,
         std::uint8_t* to) {
  resample_row_plain(filter, window, rows, size_bytes, to);
}
#else
namespace hn = hwy::HWY_NAMESPACE;

// A vector is cut into blocks of 16 bytes, on which shuffles and packs work alike on all targets. Products are of pairs
// of 16 bits, summed in 32: pixels 0..255 in pairs with the high and the low parts of their weights.
template <class D8>
struct Pairs {
  using D16 = hn::Repartition<std::int16_t, D8>;
  using D32 = hn::Repartition<std::int32_t, D8>;
  using V16 = hn::Vec<D16>;
  using V32 = hn::Vec<D32>;

  // Two sums, since some targets add the products of even and odd lanes apart; the others keep the second at zero.
  V32 high;
  V32 high_odd;
  V32 low;
  V32 low_odd;

  // Written out: g++ compiles constructors of its own for no target.
  HWY_INLINE Pairs()
      : high(hn::Zero(D32())), high_odd(hn::Zero(D32())), low(hn::Zero(D32())), low_odd(hn::Zero(D32())) {}
  HWY_INLINE void add(V16 pixels, V16 high_weights, V16 low_weights) {
    high = hn::ReorderWidenMulAccumulate(D32(), pixels, high_weights, high, high_odd);
    low = hn::ReorderWidenMulAccumulate(D32(), pixels, low_weights, low, low_odd);
  }
  HWY_INLINE V32 sum() const {
    return hn::Add(hn::ShiftLeft<8>(hn::RearrangeToOddPlusEven(high, high_odd)),
                   hn::RearrangeToOddPlusEven(low, low_odd));
  }
};

template <class D32>
HWY_INLINE hn::Vec<D32> rounded(D32 d32, hn::Vec<D32> sum) {
  return hn::ShiftRight<kWeightBits>(hn::Add(sum, hn::Set(d32, 1 << (kWeightBits - 1))));
}

// Two vectors of pixels in 32 bits -> 16 bits, block by block, cut to 0..255.
template <class D16, class V32>
HWY_INLINE hn::Vec<D16> narrowed(D16 d16, V32 first, V32 second) {
  return hn::Min(hn::Max(hn::ReorderDemote2To(d16, first, second), hn::Zero(d16)), hn::Set(d16, 255));
}

// The same pair of weights in all lanes.
template <class D8>
HWY_INLINE auto weight_pair(D8 /*d8*/, const std::int16_t* weights) {
  std::int32_t both = 0;
  std::memcpy(&both, weights, sizeof(both));
  return hn::BitCast(hn::Repartition<std::int16_t, D8>(), hn::Set(hn::Repartition<std::int32_t, D8>(), both));
}

// Block i of the vector is 16 bytes of row i.
template <class D8>
HWY_INLINE hn::Vec<D8> load_blocks(D8 d8, const std::uint8_t* const* rows, std::size_t at) {
  if constexpr (hn::MaxLanes(D8()) == 16) {
    return hn::LoadU(d8, rows[0] + at);
  } else {
    const hn::Half<D8> half;
    return hn::Combine(d8, load_blocks(half, rows + hn::Lanes(half) / 16, at), load_blocks(half, rows, at));
  }
}

template <class D8>
HWY_INLINE void store_blocks(D8 d8, hn::Vec<D8> bytes, std::uint8_t* const* rows, std::size_t at) {
  if constexpr (hn::MaxLanes(D8()) == 16) {
    hn::StoreU(bytes, d8, rows[0] + at);
  } else {
    const hn::Half<D8> half;
    store_blocks(half, hn::LowerHalf(half, bytes), rows, at);
    store_blocks(half, hn::UpperHalf(half, bytes), rows + hn::Lanes(half) / 16, at);
  }
}

constexpr std::uint8_t kNone = 0x80;  // of a shuffle: a zero

// Two pixels of three channels as pairs: red red, green green, blue blue, nothing; and the next two.
alignas(16) constexpr std::uint8_t kColourPairs[16] = {0, kNone, 3, kNone, 1,     kNone, 4,     kNone,
                                                       2, kNone, 5, kNone, kNone, kNone, kNone, kNone};
alignas(16) constexpr std::uint8_t kNextColourPairs[16] = {6, kNone, 9,  kNone, 7,     kNone, 10,    kNone,
                                                           8, kNone, 11, kNone, kNone, kNone, kNone, kNone};
// Of four pixels, in lanes of 16 bits, the low bytes of two vectors side by side: first and second pixel in the low
// bytes, third and fourth in the high ones -> twelve bytes in a row.
alignas(16) constexpr std::uint8_t kColourOrder[16] = {0, 2, 4,  8,  10,    12,    1,     3,
                                                       5, 9, 11, 13, kNone, kNone, kNone, kNone};
alignas(16) constexpr std::uint8_t kGreyPairs[16] = {0, kNone, 1, kNone, 2, kNone, 3, kNone,
                                                     4, kNone, 5, kNone, 6, kNone, 7, kNone};
alignas(16) constexpr std::uint8_t kEvenThenOdd[16] = {0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15};

// Rows lie beside each other in the blocks; pixels are made one by one and stored by four.
template <class D8>
class Colours {
 public:
  using D16 = hn::Repartition<std::int16_t, D8>;
  using D32 = hn::Repartition<std::int32_t, D8>;

  HWY_INLINE Colours(const Filter& filter, const std::uint8_t* const* from)
      : high_(filter.high.data()),
        low_(filter.low.data()),
        from_(from),
        pairs_(hn::LoadDup128(D8(), kColourPairs)),
        next_pairs_(hn::LoadDup128(D8(), kNextColourPairs)) {}

  // kPairs: of taps in every window, zeros among them; 0: as many as each has, by two pairs.
  template <int kPairs>
  HWY_INLINE hn::Vec<D32> pixel(const Window& window) const {
    const std::int16_t* const high = high_ + window.weights_at;
    const std::int16_t* const low = low_ + window.weights_at;
    std::size_t at = std::size_t{3} * static_cast<std::size_t>(window.first);
    Pairs<D8> sums;
    if constexpr (kPairs == 0) {
      for (int i = 0; i < window.count; i += 4, at += 12) add<true>(at, high + i, low + i, sums);
    }
    if constexpr (kPairs > 0) add<(kPairs > 1)>(at, high, low, sums);
    if constexpr (kPairs > 2) add<(kPairs > 3)>(at + 12, high + 4, low + 4, sums);
    return rounded(D32(), sums.sum());
  }

 private:
  // Four taps, or two.
  template <bool kBoth>
  HWY_INLINE void add(std::size_t at, const std::int16_t* high, const std::int16_t* low, Pairs<D8>& sums) const {
    const D8 d8;
    const auto bytes = load_blocks(d8, from_, at);
    sums.add(hn::BitCast(D16(), hn::TableLookupBytesOr0(bytes, pairs_)), weight_pair(d8, high), weight_pair(d8, low));
    if constexpr (!kBoth) return;
    sums.add(hn::BitCast(D16(), hn::TableLookupBytesOr0(bytes, next_pairs_)), weight_pair(d8, high + 2),
             weight_pair(d8, low + 2));
  }

  const std::int16_t* high_;
  const std::int16_t* low_;
  const std::uint8_t* const* from_;
  hn::Vec<D8> pairs_;
  hn::Vec<D8> next_pairs_;
};

template <int kPairs, class D8>
HWY_INLINE void colour_columns(D8 d8, const Filter& filter, const std::uint8_t* const* from, std::uint8_t* const* to) {
  const hn::Repartition<std::int16_t, D8> d16;
  const auto order = hn::LoadDup128(d8, kColourOrder);
  const Colours<D8> colours(filter, from);
  const std::size_t count = filter.windows.size();
  const Window* const windows = filter.windows.data();
  for (std::size_t x = 0; x < count; x += 4) {
    const auto a = colours.template pixel<kPairs>(windows[x]);
    const auto b = colours.template pixel<kPairs>(windows[std::min(x + 1, count - 1)]);
    const auto c = colours.template pixel<kPairs>(windows[std::min(x + 2, count - 1)]);
    const auto d = colours.template pixel<kPairs>(windows[std::min(x + 3, count - 1)]);
    const auto first = narrowed(d16, a, b);
    const auto second = narrowed(d16, c, d);
    const auto bytes = hn::BitCast(d8, hn::Or(first, hn::ShiftLeft<8>(second)));
    store_blocks(d8, hn::TableLookupBytesOr0(bytes, order), to, 3 * x);
  }
}

// Loops of a known length for the short windows of the usual scales.
template <class D8>
HWY_INLINE void colour_columns_by_length(D8 d8, const Filter& filter, const std::uint8_t* const* from,
                                         std::uint8_t* const* to) {
  switch ((filter.longest + 1) / 2) {
    case 1:
      return colour_columns<1>(d8, filter, from, to);
    case 2:
      return colour_columns<2>(d8, filter, from, to);
    case 3:
      return colour_columns<3>(d8, filter, from, to);
    case 4:
      return colour_columns<4>(d8, filter, from, to);
    default:
      return colour_columns<0>(d8, filter, from, to);
  }
}

// Four sums that make one pixel together, in the lanes of each block.
template <class D8>
HWY_INLINE hn::Vec<hn::Repartition<std::int32_t, D8>> grey_parts(D8 d8, const Filter& filter, const Window& window,
                                                                 const std::uint8_t* const* from) {
  const hn::Repartition<std::int16_t, D8> d16;
  const auto order = hn::LoadDup128(d8, kGreyPairs);
  const std::int16_t* const high = filter.high.data() + window.weights_at;
  const std::int16_t* const low = filter.low.data() + window.weights_at;
  auto at = static_cast<std::size_t>(window.first);
  Pairs<D8> pairs;
  for (int i = 0; i < window.count; i += kWeightGroup, at += kWeightGroup) {
    const auto pixels = hn::BitCast(d16, hn::TableLookupBytesOr0(load_blocks(d8, from, at), order));
    pairs.add(pixels, hn::LoadDup128(d16, high + i), hn::LoadDup128(d16, low + i));
  }
  return pairs.sum();
}

template <class D8>
HWY_INLINE void grey_columns(D8 d8, const Filter& filter, const std::uint8_t* const* from, std::uint8_t* const* to) {
  const hn::Repartition<std::int16_t, D8> d16;
  const hn::Repartition<std::int32_t, D8> d32;
  const hn::Repartition<std::int64_t, D8> d64;
  const auto order = hn::LoadDup128(d8, kEvenThenOdd);
  const std::size_t count = filter.windows.size();
  const Window* const windows = filter.windows.data();
  for (std::size_t x = 0; x < count; x += 4) {
    const auto parts = [&](std::size_t i)
                           HWY_ATTR { return grey_parts(d8, filter, windows[std::min(x + i, count - 1)], from); };
    const auto both = [&](std::size_t i) HWY_ATTR {
      const auto a = parts(i);
      const auto b = parts(i + 1);
      return hn::BitCast(d64, hn::Add(hn::InterleaveLower(d32, a, b), hn::InterleaveUpper(d32, a, b)));
    };
    const auto ab = both(0);
    const auto cd = both(2);
    const auto sums =
        hn::Add(hn::BitCast(d32, hn::InterleaveLower(d64, ab, cd)), hn::BitCast(d32, hn::InterleaveUpper(d64, ab, cd)));
    const auto pixels = rounded(d32, sums);
    const auto bytes = hn::BitCast(d8, narrowed(d16, pixels, pixels));
    store_blocks(d8, hn::TableLookupBytesOr0(bytes, order), to, x);
  }
}

// As many rows at once as the vectors of the target hold.
template <class D8>
HWY_INLINE void column_groups(D8 d8, const Filter& filter, int channels, const SourceRows& from, const TargetRows& to) {
  for (std::size_t row = 0; row < kRowGroup; row += hn::Lanes(d8) / 16) {
    if (channels == 3) {
      colour_columns_by_length(d8, filter, from.data() + row, to.data() + row);
    } else {
      grey_columns(d8, filter, from.data() + row, to.data() + row);
    }
  }
}

void columns(const Filter& filter, int channels, const SourceRows& from, const TargetRows& to) {
  column_groups(hn::CappedTag<std::uint8_t, 16 * kRowGroup>(), filter, channels, from, to);
}

template <class D8>
HWY_INLINE void row_block(D8 d8, const std::int16_t* high, const std::int16_t* low,
                          std::span<const std::uint8_t* const> rows, std::size_t x, std::uint8_t* to) {
  const hn::Repartition<std::int16_t, D8> d16;
  const hn::Repartition<std::int32_t, D8> d32;
  const auto zero = hn::Zero(d8);
  Pairs<D8> a;
  Pairs<D8> b;
  Pairs<D8> c;
  Pairs<D8> d;
  for (std::size_t i = 0; i < rows.size(); i += 2) {
    const auto even = hn::LoadU(d8, rows[i] + x);
    const auto odd = hn::LoadU(d8, rows[i + 1] + x);
    const auto high_pair = weight_pair(d8, high + i);
    const auto low_pair = weight_pair(d8, low + i);
    const auto lower = hn::InterleaveLower(d8, even, odd);
    const auto upper = hn::InterleaveUpper(d8, even, odd);
    a.add(hn::BitCast(d16, hn::InterleaveLower(d8, lower, zero)), high_pair, low_pair);
    b.add(hn::BitCast(d16, hn::InterleaveUpper(d8, lower, zero)), high_pair, low_pair);
    c.add(hn::BitCast(d16, hn::InterleaveLower(d8, upper, zero)), high_pair, low_pair);
    d.add(hn::BitCast(d16, hn::InterleaveUpper(d8, upper, zero)), high_pair, low_pair);
  }
  const auto first = narrowed(d16, rounded(d32, a.sum()), rounded(d32, b.sum()));
  const auto second = narrowed(d16, rounded(d32, c.sum()), rounded(d32, d.sum()));
  const auto bytes = hn::BitCast(d8, hn::Or(first, hn::ShiftLeft<8>(second)));
  hn::StoreU(hn::TableLookupBytesOr0(bytes, hn::LoadDup128(d8, kEvenThenOdd)), d8, to + x);
}

// The last block overlaps the one before, so that nothing beyond the row is touched. size_bytes is a vector or more.
template <class D8>
HWY_INLINE void row_blocks(D8 d8, const std::int16_t* high, const std::int16_t* low,
                           std::span<const std::uint8_t* const> rows, std::size_t size_bytes, std::uint8_t* to) {
  const std::size_t step = hn::Lanes(d8);
  for (std::size_t x = 0; x + step <= size_bytes; x += step) row_block(d8, high, low, rows, x, to);
  if (size_bytes % step != 0) row_block(d8, high, low, rows, size_bytes - step, to);
}

void row(const Filter& filter, const Window& window, std::span<const std::uint8_t* const> rows, std::size_t size_bytes,
         std::uint8_t* to) {
  const std::int16_t* const high = filter.high.data() + window.weights_at;
  const std::int16_t* const low = filter.low.data() + window.weights_at;
  const hn::CappedTag<std::uint8_t, 64> widest;
  if (size_bytes >= hn::Lanes(widest)) {
    row_blocks(widest, high, low, rows, size_bytes, to);
  } else if (size_bytes >= 16) {
    row_blocks(hn::Full128<std::uint8_t>(), high, low, rows, size_bytes, to);
  } else {
    resample_row_plain(filter, window, rows, size_bytes, to);
  }
}
#endif

}  // namespace HWY_NAMESPACE
}  // namespace arete::media
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace arete::media {

HWY_EXPORT(columns);
HWY_EXPORT(row);

void resample_columns(const Filter& filter, int channels, const SourceRows& from, const TargetRows& to) {
  HWY_DYNAMIC_DISPATCH(columns)(filter, channels, from, to);
}

void resample_row(const Filter& filter, const Window& window, std::span<const std::uint8_t* const> rows,
                  std::size_t size_bytes, std::uint8_t* to) {
  HWY_DYNAMIC_DISPATCH(row)(filter, window, rows, size_bytes, to);
}

}  // namespace arete::media
#endif
