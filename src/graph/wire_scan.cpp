#include "graph/wire_scan.h"

#include <cstdint>
#include <vector>

#include "graph/model.h"
#include "graph/onnx_io.h"

namespace arete::graph {
namespace {

enum class Kind : std::uint8_t {
  kSkipped,
  kModel,
  kTraining,
  kGraph,
  kNode,
  kAttribute,
  kFunction,
  kValue,
  kType,
  kElementType,  // of a sequence, optional or map
  kTensorType,
  kShape,
  kGroup
};

// What a part becomes in memory while it is read, in the library's message and in ours together. Measured by
// tests/graph/memory_test.cpp, and rounded up.
constexpr std::uint32_t kPlainBytes = 96;  // a string, and what is not listed

struct Field {
  Kind parent;
  std::uint64_t number;
  Kind child;
  std::uint32_t bytes = kPlainBytes;
};
constexpr Field kFields[] = {
    {Kind::kModel, 7, Kind::kGraph, 1024},        {Kind::kModel, 20, Kind::kTraining},
    {Kind::kModel, 25, Kind::kFunction, 1024},    {Kind::kTraining, 1, Kind::kGraph, 1024},
    {Kind::kTraining, 2, Kind::kGraph, 1024},     {Kind::kGraph, 1, Kind::kNode, 512},
    {Kind::kGraph, 5, Kind::kSkipped, 512},   // a weight
    {Kind::kGraph, 15, Kind::kSkipped, 640},  // a sparse one
    {Kind::kGraph, 11, Kind::kValue, 320},        {Kind::kGraph, 12, Kind::kValue, 320},
    {Kind::kGraph, 13, Kind::kValue, 320},        {Kind::kFunction, 7, Kind::kNode, 512},
    {Kind::kFunction, 11, Kind::kAttribute, 512}, {Kind::kFunction, 12, Kind::kValue, 320},
    {Kind::kNode, 5, Kind::kAttribute, 512},      {Kind::kAttribute, 5, Kind::kSkipped, 512},
    {Kind::kAttribute, 10, Kind::kSkipped, 512},  {Kind::kAttribute, 6, Kind::kGraph, 1024},
    {Kind::kAttribute, 11, Kind::kGraph, 1024},   {Kind::kAttribute, 14, Kind::kType},
    {Kind::kAttribute, 15, Kind::kType},          {Kind::kAttribute, 22, Kind::kSkipped, 640},
    {Kind::kAttribute, 23, Kind::kSkipped, 640},  {Kind::kValue, 2, Kind::kType},
    {Kind::kType, 1, Kind::kTensorType},          {Kind::kType, 4, Kind::kElementType},
    {Kind::kType, 5, Kind::kElementType},         {Kind::kType, 8, Kind::kTensorType},
    {Kind::kType, 9, Kind::kElementType},         {Kind::kElementType, 1, Kind::kType},
    {Kind::kElementType, 2, Kind::kType},         {Kind::kTensorType, 2, Kind::kShape},
    {Kind::kShape, 1, Kind::kSkipped, 192},  // an axis
};

Field child_of(Kind parent, std::uint64_t number) {
  for (const Field& field : kFields) {
    if (field.parent == parent && field.number == number) return field;
  }
  return {parent, number, Kind::kSkipped};
}

Error broken() { return {Code::kCorrupt, "the bytes end inside a message"}; }

constexpr std::uint64_t kInitializer = 5;  // in a graph

constexpr std::size_t kMaxFrames = 400;  // messages within messages; protobuf allows fewer

class Scanner {
 public:
  explicit Scanner(std::span<const std::byte> bytes, std::vector<std::span<const std::byte>>* weights = nullptr)
      : bytes_(bytes), weights_(weights) {
    frames_.push_back({Kind::kModel, bytes.size()});
  }

  Status run() {
    while (true) {
      while (!frames_.empty() && at_ == frames_.back().end) {
        if (frames_.back().kind == Kind::kGroup) return broken();
        leave();
      }
      if (frames_.empty()) return {};
      RETURN_IF_ERROR(field());
    }
  }

 private:
  struct Frame {
    Kind kind;
    std::size_t end;
  };

  std::size_t left() const { return frames_.back().end - at_; }

  bool varint(std::uint64_t& value) {
    value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
      if (left() == 0) return false;
      const auto byte = static_cast<std::uint64_t>(bytes_[at_++]);
      if (shift < 64) value |= (byte & 0x7FU) << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }

  Status field() {
    std::uint64_t tag = 0;
    std::uint64_t value = 0;
    if (!varint(tag) || tag > UINT32_MAX) return broken();  // the library would take the low 32 bits of a longer one
    switch (tag & 7U) {
      case 0:
        return varint(value) ? Status() : Status(broken());
      case 1:
        return skip(8);
      case 2:
        return varint(value) ? enter(tag >> 3, value) : Status(broken());
      case 3:
        return push(Kind::kGroup, frames_.back().end);
      case 4:
        if (frames_.back().kind != Kind::kGroup) return broken();
        frames_.pop_back();
        return {};
      case 5:
        return skip(4);
      default:
        return broken();
    }
  }

  Status skip(std::uint64_t count) {
    if (count > left()) return broken();
    at_ += static_cast<std::size_t>(count);
    return {};
  }

  Status enter(std::uint64_t number, std::uint64_t length) {
    if (length > left()) return broken();
    const Kind parent = frames_.back().kind;
    if (++parts_ > kMaxParts)
      return Error{Code::kExhausted, "the graph has more than " + std::to_string(kMaxParts) + " parts"};
    const Field field = child_of(parent, number);
    cost_bytes_ += field.bytes;
    if (cost_bytes_ > max_read_bytes(bytes_.size())) return too_many_parts(bytes_.size());
    if (weights_ != nullptr && parent == Kind::kGraph && number == kInitializer)
      weights_->push_back(bytes_.subspan(at_, static_cast<std::size_t>(length)));
    if (field.child == Kind::kSkipped) return skip(length);
    return push(field.child, at_ + static_cast<std::size_t>(length));
  }

  Status push(Kind kind, std::size_t end) {
    frames_.push_back({kind, end});
    if (kind == Kind::kNode && ++nodes_ > kMaxNodes)
      return Error{Code::kExhausted, "the graph has more than " + std::to_string(kMaxNodes) + " nodes"};
    // The main graph and those of training lie at depth 0.
    if (kind == Kind::kGraph && ++graphs_ > kMaxSubgraphDepth + 1) {
      return Error{Code::kExhausted, "subgraphs are nested deeper than " + std::to_string(kMaxSubgraphDepth)};
    }
    return frames_.size() > kMaxFrames ? Status(broken()) : Status();
  }

  void leave() {
    if (frames_.back().kind == Kind::kGraph) --graphs_;
    frames_.pop_back();
  }

  std::span<const std::byte> bytes_;
  std::vector<std::span<const std::byte>>* weights_;  // where those go that are found; nullptr: nowhere
  std::size_t at_ = 0;
  std::vector<Frame> frames_;
  std::size_t nodes_ = 0;
  std::size_t parts_ = 0;
  std::uint64_t cost_bytes_ = 0;  // of the parts, in memory
  int graphs_ = 0;                // that are open now
};

}  // namespace

Error too_many_parts(std::size_t file_bytes) {
  return {Code::kExhausted, "it is made of so many small parts that reading it would take more than " +
                                std::to_string(max_read_bytes(file_bytes) / 1'000'000) +
                                " MB, the most that a file of its size may take"};
}

Status scan_limits(std::span<const std::byte> model) { return Scanner(model).run(); }

Result<std::vector<std::span<const std::byte>>> scan_weights(std::span<const std::byte> model) {
  std::vector<std::span<const std::byte>> weights;
  RETURN_IF_ERROR(Scanner(model, &weights).run());
  return weights;
}

}  // namespace arete::graph
