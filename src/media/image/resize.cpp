#include "media/image/resize.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <new>
#include <string>

#include "core/check.h"
#include "media/image/codecs.h"
#include "media/image/resample.h"

namespace arete::media {
namespace {

constexpr std::size_t kRowAlign = 64;

std::size_t size_of(int number) { return static_cast<std::size_t>(number); }

// Of a row into which resample_columns writes.
std::size_t padded(std::size_t row_bytes) {
  return (row_bytes + kOverrunBytes + kRowAlign - 1) / kRowAlign * kRowAlign;
}

const Filter& filter_for(const Axis& axis, std::optional<ResizeWorkspace::CachedFilter>& cache) {
  if (!cache || cache->axis != axis) {
    cache.reset();
    cache.emplace(ResizeWorkspace::CachedFilter{axis, make_filter(axis)});
  }
  return cache->filter;
}

class Resizer {
 public:
  Resizer(const PixelView& from, const ResizePlan& plan, ResizeWorkspace& workspace, const RowSink& sink)
      : from_(from),
        columns_(filter_for(plan.columns, workspace.columns)),
        rows_(filter_for(plan.rows, workspace.rows)),
        space_(workspace),
        sink_(sink),
        channels_(size_of(from.channels)),
        old_bytes_(size_of(from.width) * channels_),
        new_bytes_(columns_.windows.size() * channels_),
        count_(rows_.windows.size()) {}

  Status run(bool rows_first) {
    out_ = space_.out.reserve(padded(std::max(new_bytes_, old_bytes_)));
    if (columns_.is_identity) return rows_only();
    return rows_first && !rows_.is_identity ? rows_then_columns() : columns_then_rows();
  }

 private:
  const std::uint8_t* row(std::size_t y) const { return from_.pixels + y * old_bytes_; }

  // Row y, from a copy where reading behind it could leave the image.
  const std::uint8_t* roomy_row(std::size_t y, std::size_t slot) {
    const std::size_t left_bytes = (size_of(from_.height) - y) * old_bytes_;
    if (left_bytes >= old_bytes_ + kOverrunBytes) return row(y);
    std::uint8_t* const copy = space_.tail.reserve(kRowGroup * padded(old_bytes_)) + slot * padded(old_bytes_);
    std::memcpy(copy, row(y), old_bytes_);
    std::memset(copy + old_bytes_, 0, padded(old_bytes_) - old_bytes_);
    return copy;
  }

  // One new row from the rows that `at` points to; a window of one row is that row.
  template <class RowAt>
  const std::uint8_t* combined(const Window& window, const RowAt& at, std::size_t size_bytes, std::uint8_t* to) {
    const bool is_copy = window.count == 1 && rows_.high[window.weights_at] == 1 << (kWeightBits - 8);
    if (is_copy) return at(size_of(window.first));
    space_.pointers.clear();
    for (int i = 0; i < window.count; ++i) space_.pointers.push_back(at(size_of(window.first + i)));
    if (window.count % 2 != 0) space_.pointers.push_back(space_.pointers.back());
    resample_row(rows_, window, space_.pointers, size_bytes, to);
    return to;
  }

  Status rows_only() {
    const auto at = [this](std::size_t y) { return row(y); };
    for (std::size_t y = 0; y < count_; ++y)
      sink_(static_cast<int>(y), combined(rows_.windows[y], at, old_bytes_, out_));
    return {};
  }

  // By groups of new rows: combined over the columns that are needed, and then along them.
  Status rows_then_columns() {
    std::size_t begin = old_bytes_;
    std::size_t end = 0;
    for (const Window& window : columns_.windows) {
      begin = std::min(begin, size_of(window.first) * channels_);
      end = std::max(end, size_of(window.first + window.count) * channels_);
    }
    const std::size_t stride = padded(old_bytes_);
    const std::size_t new_stride = padded(new_bytes_);
    std::uint8_t* const tall = space_.between.reserve(kRowGroup * (stride + new_stride));
    std::memset(tall, 0, kRowGroup * stride);
    const auto at = [&](std::size_t y) { return row(y) + begin; };
    for (std::size_t y = 0; y < count_; y += kRowGroup) {
      SourceRows from{};
      TargetRows to{};
      for (std::size_t i = 0; i < kRowGroup; ++i) {
        std::uint8_t* const line = tall + i * stride;
        const std::uint8_t* const made =
            combined(rows_.windows[std::min(y + i, count_ - 1)], at, end - begin, line + begin);
        if (made != line + begin) std::memcpy(line + begin, made, end - begin);
        from[i] = line;
        to[i] = tall + kRowGroup * stride + i * new_stride;
      }
      resample_columns(columns_, from_.channels, from, to);
      for (std::size_t i = 0; i < kRowGroup && y + i < count_; ++i) sink_(static_cast<int>(y + i), to[i]);
    }
    return {};
  }

  // The windows of a mirrored axis go upwards: they are walked from the last to the first.
  std::size_t step(std::size_t k) const {
    const bool upwards = rows_.windows.front().first > rows_.windows.back().first;
    return upwards ? count_ - 1 - k : k;
  }

  // needed[k]: the first old row that step k or a later one needs. The rows of a ring that holds all until then.
  std::size_t plan_ring() {
    std::vector<std::int64_t>& needed = space_.needed;
    needed.assign(count_, 0);
    std::int64_t first = from_.height;
    for (std::size_t k = count_; k-- > 0;) {
      first = std::min<std::int64_t>(first, rows_.windows[step(k)].first);
      needed[k] = first;
    }
    std::int64_t done = needed[0];
    std::int64_t most = 1;
    for (std::size_t k = 0; k < count_; ++k) {
      const Window& window = rows_.windows[step(k)];
      done = std::max<std::int64_t>(done, window.first + window.count);
      most = std::max(most, done - needed[k]);
    }
    return static_cast<std::size_t>(most) + kRowGroup - 1;
  }

  // Shrinks old rows along the columns, in order, and keeps them in the ring until no window needs them.
  Status columns_then_rows() {
    const std::size_t slots = plan_ring();
    const std::size_t stride = padded(new_bytes_);
    if (slots > size_of(kMaxResizeBytes) / stride) return too_much();
    std::uint8_t* const ring = space_.between.reserve(slots * stride);
    const auto at = [&](std::size_t y) { return ring + y % slots * stride; };
    std::size_t done = 0;
    for (std::size_t k = 0; k < count_; ++k) {
      const Window& window = rows_.windows[step(k)];
      const std::size_t end = size_of(window.first + window.count);
      done = std::max(done, static_cast<std::size_t>(space_.needed[k]));
      for (; done < end; done += kRowGroup) shrink_group(done, at);
      sink_(static_cast<int>(step(k)), combined(window, at, new_bytes_, out_));
    }
    return {};
  }

  template <class RowAt>
  void shrink_group(std::size_t first, const RowAt& at) {
    SourceRows from{};
    TargetRows to{};
    for (std::size_t i = 0; i < kRowGroup; ++i) {
      from[i] = roomy_row(std::min(first + i, size_of(from_.height) - 1), i);
      to[i] = at(first + i);
    }
    resample_columns(columns_, from_.channels, from, to);
  }

  Error too_much() const {
    return {Code::kExhausted, "resizing " + std::to_string(from_.width) + "x" + std::to_string(from_.height) + " to " +
                                  std::to_string(columns_.windows.size()) + "x" + std::to_string(count_) +
                                  " takes more than 512 MiB; crop or scale the image first"};
  }

  const PixelView& from_;
  const Filter& columns_;
  const Filter& rows_;
  ResizeWorkspace& space_;
  const RowSink& sink_;
  const std::size_t channels_;
  const std::size_t old_bytes_;  // a row
  const std::size_t new_bytes_;
  const std::size_t count_;  // of new rows
  std::uint8_t* out_ = nullptr;
};

Status check_sizes(const Image& image, int width, int height) {
  if (image.width < 1 || image.height < 1 || image.pixels.empty()) {
    return Error{Code::kInvalid, "cannot resize an image without pixels"};
  }
  const std::string to = std::to_string(width) + "x" + std::to_string(height);
  if (width < 1 || height < 1 || width > kMaxCardImageSide || height > kMaxCardImageSide) {
    return Error{Code::kInvalid,
                 "cannot resize to " + to + ": a side must be 1 to " + std::to_string(kMaxCardImageSide)};
  }
  if (std::int64_t{width} * height * image.channels <= kMaxResizeBytes) return {};
  return Error{Code::kExhausted, "resizing " + std::to_string(image.width) + "x" + std::to_string(image.height) +
                                     " to " + to + " takes more than 512 MiB; crop or scale the image first"};
}

}  // namespace

bool rows_come_first(ImageSize old_size, std::int64_t new_width, std::int64_t new_height) {
  const std::int64_t lower = old_size.height - new_height;
  const std::int64_t narrower = old_size.width - new_width;
  return lower > 0 && lower > 2 * narrower;
}

Status resize_rows(const PixelView& from, const ResizePlan& plan, ResizeWorkspace& workspace, const RowSink& sink) {
  CHECK(from.channels == 1 || from.channels == 3);
  return Resizer(from, plan, workspace, sink).run(plan.rows_first);
}

Result<Image> resize(const Image& image, int width, int height, ResizeFilter filter) {
  RETURN_IF_ERROR(check_sizes(image, width, height));
  try {
    Image out = make_image(width, height, image.channels);
    const std::size_t row_bytes = size_of(width) * size_of(image.channels);
    const RowSink sink = [&](int y, const std::uint8_t* pixels) {
      std::memcpy(out.pixels.data() + size_of(y) * row_bytes, pixels, row_bytes);
    };
    const ResizePlan plan{{filter, image.width, static_cast<double>(image.width), width, 0, width, false},
                          {filter, image.height, static_cast<double>(image.height), height, 0, height, false},
                          rows_come_first({image.width, image.height}, width, height)};
    ResizeWorkspace workspace;
    RETURN_IF_ERROR(
        resize_rows({image.pixels.data(), image.width, image.height, image.channels}, plan, workspace, sink));
    return out;
  } catch (const std::bad_alloc&) {
    return Error{Code::kExhausted, "no memory to resize an image"};
  }
}

}  // namespace arete::media
