// Operators that move, cut and join, and those that reduce an axis.
#include <algorithm>
#include <array>
#include <numeric>

#include "tests/random_graph/op_rows.h"

namespace arete::test {
namespace {

using Ints = std::vector<std::int64_t>;

std::optional<Made> with_rank(Scope& scope, std::size_t least) {
  return scope.pick([least](const Made& made) { return made.shape.size() >= least; });
}
std::optional<Made> floats_with_rank(Scope& scope, std::size_t least) {
  return scope.pick([least](const Made& made) { return is_float(made) && made.shape.size() >= least; });
}
std::int64_t some_axis(Scope& scope, const Made& x) {
  return scope.random().below(static_cast<std::int64_t>(x.shape.size()));
}
// The same axis counted from the end, now and then.
std::int64_t either_way(Scope& scope, const Made& x, std::int64_t axis) {
  return scope.random().chance(30) ? axis - static_cast<std::int64_t>(x.shape.size()) : axis;
}

bool identity(Scope& scope) {
  const auto x = with_rank(scope, 0);
  scope.emit("Identity", {*x}, x->dtype, x->shape);
  return true;
}

bool transpose(Scope& scope) {
  const auto x = with_rank(scope, 0);
  Ints perm(x->shape.size());
  std::iota(perm.begin(), perm.end(), 0);
  const bool stay = scope.random().chance(40);
  for (std::size_t i = perm.size(); !stay && i > 1; --i)
    std::swap(perm[i - 1], perm[static_cast<std::size_t>(scope.random().below(static_cast<std::int64_t>(i)))]);
  const bool reversed = scope.random().chance(15);
  if (reversed) {
    for (std::size_t i = 0; i < perm.size(); ++i) perm[i] = static_cast<std::int64_t>(perm.size() - 1 - i);
  }
  Shape shape;
  for (const std::int64_t axis : perm) shape.push_back(x->shape[static_cast<std::size_t>(axis)]);
  scope.emit("Transpose", {*x}, x->dtype, shape, reversed || perm.empty() ? Attributes{} : Attributes{{"perm", perm}});
  return true;
}

bool reshape(Scope& scope) {
  const auto x = scope.pick([](const Made& made) { return count_of(made.shape) > 0; });  // 0 would mean "as it was"
  if (!x) return false;
  Shape shape = x->shape;
  if (shape.size() >= 2 && scope.random().chance(50)) {
    shape[1] *= shape[0];
    shape.erase(shape.begin());
  } else {
    shape.insert(shape.begin() + scope.random().below(static_cast<std::int64_t>(shape.size()) + 1), 1);
  }
  if (shape.size() > 5) return false;
  Ints wanted = shape;
  if (!wanted.empty() && count_of(shape) > 0 && scope.random().chance(40))
    wanted[static_cast<std::size_t>(scope.random().below(static_cast<std::int64_t>(wanted.size())))] = -1;
  scope.emit("Reshape", {*x, scope.ints(wanted)}, x->dtype, shape);
  return true;
}

bool flatten(Scope& scope) {
  const auto x = floats_with_rank(scope, 1);
  if (!x) return false;
  const std::int64_t axis = scope.random().between(0, static_cast<std::int64_t>(x->shape.size()));
  const Shape front(x->shape.begin(), x->shape.begin() + axis);
  const Shape back(x->shape.begin() + axis, x->shape.end());
  scope.emit("Flatten", {*x}, x->dtype, {count_of(front), count_of(back)}, {{"axis", axis}});
  return true;
}

bool unsqueeze(Scope& scope) {
  const auto x = scope.pick([](const Made& made) { return made.shape.size() < 5; });
  if (!x) return false;
  const std::int64_t axis = scope.random().between(0, static_cast<std::int64_t>(x->shape.size()));
  Shape shape = x->shape;
  shape.insert(shape.begin() + axis, 1);
  scope.emit("Unsqueeze", {*x, scope.ints({axis})}, x->dtype, shape);
  return true;
}

bool squeeze(Scope& scope) {
  const auto x = scope.pick([](const Made& made) { return std::ranges::find(made.shape, 1) != made.shape.end(); });
  if (!x) return false;
  Shape shape = x->shape;
  const auto one = std::ranges::find(shape, 1);
  const std::int64_t axis = one - shape.begin();
  shape.erase(one);
  scope.emit("Squeeze", {*x, scope.ints({either_way(scope, *x, axis)})}, x->dtype, shape);
  return true;
}

bool concat(Scope& scope) {
  const auto x = floats_with_rank(scope, 1);
  if (!x) return false;
  const auto axis = static_cast<std::size_t>(some_axis(scope, *x));
  const auto y = scope.pick([&](const Made& other) {
    Shape shape = other.shape;
    if (other.dtype != x->dtype || shape.size() != x->shape.size()) return false;
    shape[axis] = x->shape[axis];
    return shape == x->shape;
  });
  Shape shape = x->shape;
  shape[axis] += y->shape[axis];
  if (count_of(shape) > kMaxElements) return false;
  scope.emit("Concat", {*x, *y}, x->dtype, shape, {{"axis", either_way(scope, *x, static_cast<std::int64_t>(axis))}});
  return true;
}

bool split(Scope& scope) {
  const auto x = scope.pick([](const Made& made) {
    return is_float(made) && std::ranges::any_of(made.shape, [](std::int64_t size) { return size >= 2; });
  });
  if (!x) return false;
  const auto large = std::ranges::find_if(x->shape, [](std::int64_t size) { return size >= 2; });
  const std::int64_t axis = large - x->shape.begin();
  const std::int64_t first = scope.random().between(1, *large - 1);
  Made a{"", x->dtype, x->shape, false};
  Made b = a;
  a.shape[static_cast<std::size_t>(axis)] = first;
  b.shape[static_cast<std::size_t>(axis)] = *large - first;
  scope.emit_many("Split", {*x, scope.ints({first, *large - first})}, {a, b}, {{"axis", axis}});
  return true;
}

bool slice(Scope& scope) {
  const auto x = floats_with_rank(scope, 1);
  if (!x) return false;
  const std::int64_t axis = some_axis(scope, *x);
  const std::int64_t size = x->shape[static_cast<std::size_t>(axis)];
  if (size == 0) return false;
  const std::int64_t start = scope.random().below(size);
  const std::int64_t end = scope.random().between(start + 1, size + 2);  // past the end is allowed
  Shape shape = x->shape;
  shape[static_cast<std::size_t>(axis)] = std::min(end, size) - start;
  scope.emit("Slice", {*x, scope.ints({start}), scope.ints({end}), scope.ints({either_way(scope, *x, axis)})}, x->dtype,
             shape);
  return true;
}

bool gather(Scope& scope) {
  const auto x = floats_with_rank(scope, 1);
  if (!x) return false;
  const std::int64_t axis = some_axis(scope, *x);
  const std::int64_t size = x->shape[static_cast<std::size_t>(axis)];
  if (size == 0) return false;
  const bool scalar = scope.random().chance(30);
  const Ints wanted = {scope.random().between(-size, size - 1), scope.random().below(size)};
  Shape shape = x->shape;
  if (scalar)
    shape.erase(shape.begin() + axis);
  else
    shape[static_cast<std::size_t>(axis)] = 2;
  scope.emit("Gather", {*x, scalar ? scope.scalar(wanted[0]) : scope.ints(wanted)}, x->dtype, shape, {{"axis", axis}});
  return true;
}

bool pad(Scope& scope) {
  const auto x = floats_with_rank(scope, 1);
  if (!x || count_of(x->shape) == 0) return false;
  Ints pads(2 * x->shape.size(), 0);
  Shape shape = x->shape;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    pads[i] = scope.random().below(2);
    pads[i + shape.size()] = scope.random().below(2);
    shape[i] += pads[i] + pads[i + shape.size()];
  }
  if (count_of(shape) > kMaxElements) return false;
  scope.emit("Pad", {*x, scope.ints(pads)}, x->dtype, shape);
  return true;
}

bool expand(Scope& scope) {
  const auto x = floats_with_rank(scope, 0);
  if (!x) return false;
  Shape shape = x->shape;
  for (std::int64_t& size : shape) size = size == 1 ? scope.random().between(1, 3) : size;
  if (shape.size() < 4 && scope.random().chance(40)) shape.insert(shape.begin(), 2);
  if (count_of(shape) > kMaxElements) return false;
  scope.emit("Expand", {*x, scope.ints(shape)}, x->dtype, shape);
  return true;
}

bool tile(Scope& scope) {
  const auto x = floats_with_rank(scope, 1);
  if (!x) return false;
  Ints repeats;
  Shape shape = x->shape;
  for (std::int64_t& size : shape) {
    repeats.push_back(scope.random().between(1, 2));
    size *= repeats.back();
  }
  if (count_of(shape) > kMaxElements) return false;
  scope.emit("Tile", {*x, scope.ints(repeats)}, x->dtype, shape);
  return true;
}

bool shape_of(Scope& scope) {
  const auto x = with_rank(scope, 1);
  if (!x) return false;
  scope.emit("Shape", {*x}, DType::kInt64, {static_cast<std::int64_t>(x->shape.size())});
  return true;
}

bool range(Scope& scope) {
  const std::int64_t end = scope.random().between(1, 5);
  scope.emit("Range", {scope.scalar(0), scope.scalar(end), scope.scalar(1)}, DType::kInt64, {end});
  return true;
}

bool constant_of_shape(Scope& scope) {
  const Shape shape = {scope.random().between(1, 3), scope.random().between(1, 4)};
  scope.emit("ConstantOfShape", {scope.ints(shape)}, DType::kFloat32, shape,
             {{"value", Tensor::of<float>({1}, {scope.random().real(-1, 1)})}});
  return true;
}

bool reduce(Scope& scope) {
  const auto x = floats_with_rank(scope, 1);
  if (!x || count_of(x->shape) == 0) return false;
  constexpr std::array<const char*, 4> kOps = {"ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin"};
  const std::string op = kOps[static_cast<std::size_t>(scope.random().below(kOps.size()))];
  const std::int64_t axis = some_axis(scope, *x);
  const bool keep = scope.random().chance(50);
  Shape shape = x->shape;
  if (keep)
    shape[static_cast<std::size_t>(axis)] = 1;
  else
    shape.erase(shape.begin() + axis);
  Attributes attributes = {{"keepdims", std::int64_t{keep ? 1 : 0}}};
  std::vector<Made> inputs = {*x};
  if (op == "ReduceSum" || scope.opset() >= 18)
    inputs.push_back(scope.ints({either_way(scope, *x, axis)}));
  else
    attributes.emplace_back("axes", Ints{either_way(scope, *x, axis)});
  scope.emit(op, inputs, x->dtype, shape, std::move(attributes));
  return true;
}

bool along_axis(Scope& scope) {
  const auto x = floats_with_rank(scope, 1);
  if (!x || count_of(x->shape) == 0) return false;
  constexpr std::array<const char*, 2> kOps = {"Softmax", "LogSoftmax"};
  scope.emit(kOps[static_cast<std::size_t>(scope.random().below(2))], {*x}, x->dtype, x->shape,
             {{"axis", either_way(scope, *x, some_axis(scope, *x))}});
  return true;
}

bool arg_max(Scope& scope) {
  const auto x = scope.pick([](const Made& made) {
    return is_float(made) && !made.rounded && !made.shape.empty() && count_of(made.shape) > 0;
  });
  if (!x) return false;
  const std::int64_t axis = some_axis(scope, *x);
  Shape shape = x->shape;
  shape[static_cast<std::size_t>(axis)] = 1;
  scope.emit("ArgMax", {*x}, DType::kInt64, shape, {{"axis", axis}});
  return true;
}

constexpr auto kRows = std::to_array<OpMakerRow>({
    {"Identity", 9, identity},
    {"Transpose", 7, transpose},
    {"Reshape", 4, reshape},
    {"Flatten", 2, flatten},
    {"Unsqueeze", 2, unsqueeze},
    {"Squeeze", 3, squeeze},
    {"Concat", 3, concat},
    {"Split", 2, split},
    {"Slice", 3, slice},
    {"Gather", 3, gather},
    {"Pad", 2, pad},
    {"Expand", 2, expand},
    {"Tile", 1, tile},
    {"Shape", 1, shape_of},
    {"Range", 1, range},
    {"ConstantOfShape", 1, constant_of_shape},
    {"reduce", 4, reduce},
    {"along_axis", 2, along_axis},
    {"ArgMax", 1, arg_max},
});

}  // namespace

std::span<const OpMakerRow> shape_ops() { return kRows; }

}  // namespace arete::test
