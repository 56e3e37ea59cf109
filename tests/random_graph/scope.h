// Scope: a graph that grows at random, node by node, each node fitting what is there: dtypes, shapes, broadcasting.
// A scope within another (a branch, a loop body) sees the outer tensors.
// Threads: one. Ownership: borrows the generator's state and the outer scope.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "graph/model.h"

namespace arete::test {

inline constexpr int kMaxControlDepth = 3;
inline constexpr std::int64_t kMaxElements = 2000;  // of one tensor

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  // 0 <= result < limit. (The standard's distributions differ between libraries, the engine does not.)
  std::int64_t below(std::int64_t limit) {
    return static_cast<std::int64_t>(engine_() % static_cast<std::uint64_t>(limit));
  }
  std::int64_t between(std::int64_t least, std::int64_t most) { return least + below(most - least + 1); }
  bool chance(int percent) { return below(100) < percent; }
  float real(float least, float most) {
    return least + (most - least) * static_cast<float>(engine_() >> 40) / static_cast<float>(1 << 24);
  }
  std::uint64_t bits() { return engine_(); }

 private:
  std::mt19937_64 engine_;
};

// A tensor of a known type. Shapes are those of the run, also where the model calls an axis dynamic.
struct Made {
  std::string name;
  DType dtype = DType::kFloat32;
  Shape shape;
  // It depends on arithmetic that a pass may do in another order: nothing may be decided by its last digits.
  bool rounded = false;
};

// What all scopes of a model share.
struct Growth {
  Random random;
  std::int64_t opset = 17;
  int names = 0;
  int nodes_left = 0;
};

using Attributes = std::vector<std::pair<std::string, graph::AttributeValue>>;
using Wanted = std::function<bool(const Made&)>;

class Scope {
 public:
  Scope(Growth& growth, const Scope* outer) : growth_(growth), outer_(outer), depth_(outer ? outer->depth_ + 1 : 0) {}

  Random& random() { return growth_.random; }
  std::int64_t opset() const { return growth_.opset; }
  int depth() const { return depth_; }
  Growth& growth() { return growth_; }

  // One of the visible tensors that are wanted, later ones more often.
  std::optional<Made> pick(const Wanted& wanted);
  std::optional<Made> pick(DType dtype);

  // A weight, or now and then a Constant node.
  Made constant(Tensor tensor);
  Made floats(Shape shape, float least = -1.0F, float most = 1.0F);
  Made ints(const std::vector<std::int64_t>& values);
  Made scalar(std::int64_t value);

  // A node with one output of that type.
  Made emit(const std::string& op, const std::vector<Made>& inputs, DType dtype, Shape shape,
            Attributes attributes = {});
  // A node with several; `types` are completed with names.
  std::vector<Made> emit_many(const std::string& op, const std::vector<Made>& inputs, std::vector<Made> types,
                              Attributes attributes = {});

  void add_input(Made made, bool dynamic_batch);
  std::string new_name(const std::string& stem) { return stem + std::to_string(growth_.names++); }
  Made as_named(const Made& made, const std::string& stem) {
    return {new_name(stem), made.dtype, made.shape, made.rounded};
  }

  const std::vector<Made>& made() const { return made_; }
  graph::Graph& graph() { return graph_; }

 private:
  void visible(const Wanted& wanted, std::vector<Made>& found) const;

  Growth& growth_;
  const Scope* outer_;
  const int depth_;
  graph::Graph graph_;
  std::vector<Made> made_;
};

graph::ValueType type_of(const Made& made);
std::int64_t count_of(const Shape& shape);
bool is_float(const Made& made);

}  // namespace arete::test
