// The two passes of a resize over a few rows: the inner loops, for each instruction set of the CPU that we have code
// for.
//
// All targets give the same bytes: whole numbers, rounded once a pass. `resample_*` choose the best target of this CPU
// at run time; `*_plain` are the same in plain C++, for CPUs without any and as the tests' measure.
// Not for: choosing rows or the order of the passes (resize.h). Threads: pure functions.
// Limits: sums are 32 bits wide as Pillow's are, which hold any window of a filter whose weights sum to 1.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "media/image/filter.h"

namespace arete::media {

inline constexpr std::size_t kRowGroup = 4;
// How far resample_columns may read behind the last pixel that a row's windows need, and write behind the last new one.
inline constexpr std::size_t kOverrunBytes = 64;

using SourceRows = std::array<const std::uint8_t*, kRowGroup>;
using TargetRows = std::array<std::uint8_t*, kRowGroup>;

// Rows of 1 or 3 interleaved channels -> rows of filter.windows.size() pixels. Sources may be the same row; targets are
// apart from each other and from the sources.
void resample_columns(const Filter& filter, int channels, const SourceRows& from, const TargetRows& to);
void resample_columns_plain(const Filter& filter, int channels, const SourceRows& from, const TargetRows& to);

// One new row of `size_bytes` bytes out of the rows of one window. `rows` holds window.count pointers, and the last one
// again where that number is odd. Reads and writes exactly size_bytes.
void resample_row(const Filter& filter, const Window& window, std::span<const std::uint8_t* const> rows,
                  std::size_t size_bytes, std::uint8_t* to);
void resample_row_plain(const Filter& filter, const Window& window, std::span<const std::uint8_t* const> rows,
                        std::size_t size_bytes, std::uint8_t* to);

}  // namespace arete::media
