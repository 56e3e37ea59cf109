// Operators that work element by element, with broadcasting.
#include <algorithm>
#include <array>

#include "tests/random_graph/op_rows.h"

namespace arete::test {
namespace {

template <std::size_t N>
std::string one_of(Random& random, const std::array<const char*, N>& names) {
  return names[static_cast<std::size_t>(random.below(N))];
}

// The shape of both broadcast, where there is one that is not too large.
std::optional<Shape> broadcast(const Shape& a, const Shape& b) {
  Shape shape(std::max(a.size(), b.size()), 1);
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const std::int64_t x = i < a.size() ? a[a.size() - 1 - i] : 1;
    const std::int64_t y = i < b.size() ? b[b.size() - 1 - i] : 1;
    if (x != y && x != 1 && y != 1) return std::nullopt;
    shape[shape.size() - 1 - i] = x == 1 ? y : x;
  }
  return count_of(shape) <= kMaxElements ? std::optional(shape) : std::nullopt;
}

// Another tensor that broadcasts with `first`, or a constant with some of its axes.
Made partner(Scope& scope, const Made& first) {
  if (scope.random().chance(60)) {
    const auto found = scope.pick([&](const Made& other) {
      return other.dtype == first.dtype && broadcast(first.shape, other.shape).has_value();
    });
    if (found) return *found;
  }
  Shape shape(first.shape.begin() + (first.shape.empty() ? 0 : scope.random().below(2)), first.shape.end());
  for (std::int64_t& size : shape) size = scope.random().chance(40) ? 1 : size;
  return scope.floats(std::move(shape));
}

bool unary(Scope& scope) {
  const auto x = scope.pick(DType::kFloat32);
  if (!x) return false;
  constexpr std::array<const char*, 16> kOps = {"Abs",      "Neg",  "Relu",        "LeakyRelu", "Sigmoid", "Tanh",
                                                "Softplus", "Erf",  "Softsign",    "Elu",       "Selu",    "Sin",
                                                "Cos",      "Sqrt", "HardSigmoid", "HardSwish"};
  std::string op = one_of(scope.random(), kOps);
  if (op == "HardSwish" && scope.opset() < 14) op = "Relu";
  scope.emit(op, {*x}, x->dtype, x->shape);
  return true;
}

bool binary(Scope& scope) {
  const auto x = scope.pick(DType::kFloat32);
  if (!x) return false;
  constexpr std::array<const char*, 6> kOps = {"Add", "Add", "Sub", "Mul", "Max", "Min"};
  Made y = partner(scope, *x);
  Made first = *x;
  if (scope.random().chance(50)) std::swap(first, y);
  scope.emit(one_of(scope.random(), kOps), {first, y}, first.dtype, *broadcast(first.shape, y.shape));
  return true;
}

bool divide(Scope& scope) {
  const auto x = scope.pick(DType::kFloat32);
  if (!x) return false;
  scope.emit("Div", {*x, scope.floats({}, 0.5F, 2.0F)}, x->dtype, x->shape);
  return true;
}

bool integers(Scope& scope) {
  const auto x = scope.pick(DType::kInt64);
  if (!x) return false;
  const auto y = scope.pick(
      [&](const Made& other) { return other.dtype == DType::kInt64 && broadcast(x->shape, other.shape).has_value(); });
  constexpr std::array<const char*, 3> kOps = {"Add", "Sub", "Mul"};
  scope.emit(one_of(scope.random(), kOps), {*x, *y}, DType::kInt64, *broadcast(x->shape, y->shape));
  return true;
}

bool variadic(Scope& scope) {
  const auto x = scope.pick(DType::kFloat32);
  if (!x) return false;
  std::vector<Made> inputs = {*x};
  Shape shape = x->shape;
  for (std::int64_t more = scope.random().below(3); more > 0; --more) {
    inputs.push_back(partner(scope, {"", DType::kFloat32, shape, false}));
    shape = *broadcast(shape, inputs.back().shape);
  }
  constexpr std::array<const char*, 4> kOps = {"Sum", "Mean", "Max", "Min"};
  scope.emit(one_of(scope.random(), kOps), inputs, x->dtype, shape);
  return true;
}

// Answers that turn on the last digit are asked only of exact values.
bool compare(Scope& scope) {
  const auto x = scope.pick([](const Made& made) { return is_float(made) && !made.rounded; });
  if (!x) return false;
  const auto y = scope.pick([&](const Made& other) {
    return is_float(other) && !other.rounded && broadcast(x->shape, other.shape).has_value();
  });
  constexpr std::array<const char*, 3> kOps = {"Less", "Greater", "Equal"};
  scope.emit(one_of(scope.random(), kOps), {*x, *y}, DType::kBool, *broadcast(x->shape, y->shape));
  return true;
}

bool logical(Scope& scope) {
  const auto x = scope.pick(DType::kBool);
  if (!x) return false;
  if (scope.random().chance(40)) {
    scope.emit("Not", {*x}, DType::kBool, x->shape);
    return true;
  }
  const auto y = scope.pick(
      [&](const Made& other) { return other.dtype == DType::kBool && broadcast(x->shape, other.shape).has_value(); });
  constexpr std::array<const char*, 3> kOps = {"And", "Or", "Xor"};
  scope.emit(one_of(scope.random(), kOps), {*x, *y}, DType::kBool, *broadcast(x->shape, y->shape));
  return true;
}

bool where(Scope& scope) {
  const auto condition = scope.pick(DType::kBool);
  if (!condition) return false;
  const auto x = scope.pick(
      [&](const Made& other) { return is_float(other) && broadcast(condition->shape, other.shape).has_value(); });
  if (!x) return false;
  const Shape both = *broadcast(condition->shape, x->shape);
  const Made y = partner(scope, {"", DType::kFloat32, both, false});
  scope.emit("Where", {*condition, *x, y}, DType::kFloat32, *broadcast(both, y.shape));
  return true;
}

bool clip(Scope& scope) {
  const auto x = scope.pick(DType::kFloat32);
  if (!x) return false;
  const Made least = scope.floats({}, -0.9F, -0.1F);
  const Made none{"", DType::kFloat32, {}, false};
  const bool open = scope.random().chance(30);
  scope.emit("Clip", {*x, least, open ? none : scope.floats({}, 0.1F, 0.9F)}, x->dtype, x->shape);
  return true;
}

bool discrete(Scope& scope) {
  const auto x = scope.pick([](const Made& made) { return is_float(made) && !made.rounded; });
  if (!x) return false;
  constexpr std::array<const char*, 4> kOps = {"Floor", "Ceil", "Round", "Sign"};
  scope.emit(one_of(scope.random(), kOps), {*x}, x->dtype, x->shape);
  return true;
}

bool cast(Scope& scope) {
  const auto x = scope.pick([](const Made& made) { return !made.rounded; });
  if (!x) return false;
  constexpr std::array<DType, 7> kTo = {DType::kFloat32, DType::kFloat32, DType::kFloat16, DType::kFloat64,
                                        DType::kInt32,   DType::kInt64,   DType::kBool};
  const DType to = kTo[static_cast<std::size_t>(scope.random().below(kTo.size()))];
  // What does not fit an integer becomes whatever the processor makes of it.
  Made from = *x;
  if (is_floating(from.dtype) && !is_floating(to) && to != DType::kBool) {
    if (!is_float(from)) return false;
    from = scope.emit("Clip", {from, scope.floats({}, -9.0F, -1.0F), scope.floats({}, 1.0F, 9.0F)}, from.dtype,
                      from.shape);
    from = scope.emit("Where", {scope.emit("IsNaN", {from}, DType::kBool, from.shape), scope.floats({}), from},
                      from.dtype, from.shape);
  }
  scope.emit("Cast", {from}, to, from.shape, {{"to", static_cast<std::int64_t>(to)}});
  return true;
}

constexpr auto kRows = std::to_array<OpMakerRow>({
    {"unary", 16, unary},
    {"binary", 14, binary},
    {"divide", 2, divide},
    {"integers", 2, integers},
    {"variadic", 3, variadic},
    {"compare", 4, compare},
    {"logical", 2, logical},
    {"where", 3, where},
    {"clip", 2, clip},
    {"discrete", 2, discrete},
    {"cast", 4, cast},
});

}  // namespace

std::span<const OpMakerRow> elementwise_ops() { return kRows; }

}  // namespace arete::test
