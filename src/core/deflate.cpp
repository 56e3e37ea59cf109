#include "core/deflate.h"

#include <zlib.h>

#include <algorithm>
#include <limits>

namespace arete {
namespace {

constexpr std::size_t kFirstOutputBytes = 16384;
constexpr int kMemoryLevel = 8;  // zlib's default

// How zlib takes a wrapping: with the size of its window.
int window_bits(Wrapping wrapping) {
  switch (wrapping) {
    case Wrapping::kGzip:
      return MAX_WBITS + 16;
    case Wrapping::kZlib:
      return MAX_WBITS;
    case Wrapping::kRaw:
      break;
  }
  return -MAX_WBITS;
}

// zlib counts in unsigned int.
uInt step_of(std::size_t bytes) {
  return static_cast<uInt>(std::min<std::size_t>(bytes, std::numeric_limits<uInt>::max()));
}

// zlib does not write through next_in, but its type says that it may.
Bytef* input_of(std::string_view bytes) { return reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data())); }

class Inflater {
 public:
  explicit Inflater(Wrapping wrapping) : ready_(inflateInit2(&stream_, window_bits(wrapping)) == Z_OK) {}
  ~Inflater() {
    if (ready_) inflateEnd(&stream_);
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  // Unpacks one member off the front of `packed` behind what `out` holds.
  Status run(std::string_view& packed, std::string& out, std::size_t max_bytes) {
    if (!ready_) return Error{Code::kExhausted, "no memory to unpack with"};
    std::size_t used = out.size();
    int code = Z_OK;
    while (code != Z_STREAM_END) {
      // One byte more than allowed tells "too much" from "just enough".
      if (used == out.size()) out.resize(std::min(std::max(kFirstOutputBytes, 2 * used), max_bytes + 1));
      stream_.next_in = input_of(packed);
      stream_.avail_in = step_of(packed.size());
      stream_.next_out = reinterpret_cast<Bytef*>(out.data() + used);
      stream_.avail_out = step_of(out.size() - used);
      const uInt given = stream_.avail_in;
      const uInt room = stream_.avail_out;
      code = inflate(&stream_, Z_NO_FLUSH);
      packed.remove_prefix(given - stream_.avail_in);
      used += room - stream_.avail_out;
      if (used > max_bytes) {
        return Error{Code::kExhausted, "the body unpacks to more than " + std::to_string(max_bytes) + " bytes"};
      }
      if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) return broken();
      if (code == Z_BUF_ERROR && packed.empty()) return Error{Code::kCorrupt, "the packed body is cut short"};
    }
    out.resize(used);
    return {};
  }
  bool begin_again() { return inflateReset(&stream_) == Z_OK; }

 private:
  Error broken() const {
    return {Code::kCorrupt,
            std::string("the body does not unpack") + (stream_.msg == nullptr ? "" : std::string(": ") + stream_.msg)};
  }

  z_stream stream_{};
  bool ready_;
};

}  // namespace

Result<std::string> inflate_bytes(std::string_view packed, Wrapping wrapping, std::size_t max_bytes) {
  Inflater inflater(wrapping);
  std::string out;
  RETURN_IF_ERROR(inflater.run(packed, out, max_bytes));
  while (!packed.empty() && wrapping == Wrapping::kGzip && inflater.begin_again()) {
    RETURN_IF_ERROR(inflater.run(packed, out, max_bytes));
  }
  if (!packed.empty()) return Error{Code::kCorrupt, "there are bytes behind the end of the packed body"};
  return out;
}

Result<std::string> deflate_bytes(std::string_view bytes, Wrapping wrapping, int level) {
  z_stream stream{};
  if (deflateInit2(&stream, level, Z_DEFLATED, window_bits(wrapping), kMemoryLevel, Z_DEFAULT_STRATEGY) != Z_OK) {
    return Error{Code::kExhausted, "no memory to pack with"};
  }
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  std::size_t used = 0;
  int code = Z_OK;
  while (code == Z_OK) {
    stream.next_in = input_of(bytes);
    stream.avail_in = step_of(bytes.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + used);
    stream.avail_out = step_of(out.size() - used);
    const uInt given = stream.avail_in;
    const uInt room = stream.avail_out;
    code = deflate(&stream, given == bytes.size() ? Z_FINISH : Z_NO_FLUSH);
    bytes.remove_prefix(given - stream.avail_in);
    used += room - stream.avail_out;
  }
  deflateEnd(&stream);
  if (code != Z_STREAM_END) return Error{Code::kBug, "the body could not be packed"};
  out.resize(used);
  return out;
}

}  // namespace arete
