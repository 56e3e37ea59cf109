// The JSON part of a request of the Open Inference Protocol: parsed at the speed of the library that DESIGN chose for
// it, into plain values.
//
// Integers keep all 64 bits. Data may be nested or flat; only the number of elements counts. Not for: what the values
// mean for a model (v2_reader.h).
// Threads: a V2Parser is one thread's at a time. Limits: kMaxV2Tensors, kMaxV2Depth; what is parsed takes about 10
// times the text's bytes for a moment.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/json.h"
#include "core/result.h"
#include "core/tensor.h"

namespace arete::serve {

inline constexpr std::size_t kMaxV2Tensors = 1024;
inline constexpr std::size_t kMaxV2Depth = 64;
inline constexpr std::size_t kMaxV2JsonBytes = std::size_t{64} << 20;
inline constexpr std::size_t kMaxV2Parameters = 256;

using V2Parameter = std::variant<bool, std::int64_t, double, std::string>;
struct V2Parameters {
  std::vector<std::pair<std::string, V2Parameter>> values;
  // Nothing when it is not there or of another type.
  template <class T>
  std::optional<T> get(std::string_view name) const {
    for (const auto& [key, value] : values) {
      if (key == name && std::holds_alternative<T>(value)) return std::get<T>(value);
    }
    return std::nullopt;
  }
  bool has(std::string_view name) const;
};

struct V2InputJson {
  std::string name;
  Shape shape;
  std::string datatype;
  V2Parameters parameters;
  std::optional<Tensor> data;  // nothing without a "data" member
  // Its elements as the extension packs them, where they come beside the message; borrowed. The parser leaves it empty.
  std::optional<std::string_view> packed = std::nullopt;
};

struct V2OutputJson {
  std::string name;
  V2Parameters parameters;
};

struct V2RequestJson {
  std::string id;
  V2Parameters parameters;
  std::vector<V2InputJson> inputs;
  std::vector<V2OutputJson> outputs;
};

// Keeps what small texts need from one to the next.
class V2Parser {
 public:
  V2Parser();
  ~V2Parser();
  V2Parser(const V2Parser&) = delete;
  V2Parser& operator=(const V2Parser&) = delete;

  // kCorrupt for text that is no JSON, kInvalid naming the member where it is none of the protocol's, kExhausted over a
  // limit.
  Result<V2RequestJson> parse(std::string_view text);

 private:
  struct Kept;
  std::unique_ptr<Kept> kept_;
};

// {"parameters": {...}} of the repository extension; "" counts as {}.
Result<V2Parameters> parse_v2_parameters(std::string_view text);

}  // namespace arete::serve
