// What a server takes from one request, at most. Threads: values.
#pragma once

#include <cstddef>

namespace arete::serve {

struct Limits {
  std::size_t max_image_bytes = std::size_t{32} << 20;
  // A number of JSON text takes up to 20 times its bytes in memory while it is read.
  std::size_t max_json_bytes = std::size_t{8} << 20;
  // Of a request of the Open Inference Protocol, whose JSON is read without that cost.
  std::size_t max_tensor_bytes = std::size_t{64} << 20;
};

// What a multipart body may be larger than its image.
inline constexpr std::size_t kMultipartOverheadBytes = 65536;

}  // namespace arete::serve
