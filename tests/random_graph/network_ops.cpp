// The operators of networks: convolution and what follows it, pooling, products of matrices, integers for reals.
#include <algorithm>
#include <array>

#include "tests/random_graph/op_rows.h"

namespace arete::test {
namespace {

using Ints = std::vector<std::int64_t>;

// [N,C,H,W] to work on: one that is there, or made of a constant.
Made images(Scope& scope) {
  const auto found = scope.pick([](const Made& made) {
    return is_float(made) && made.shape.size() == 4 && count_of(made.shape) > 0 && count_of(made.shape) <= 600;
  });
  return found ? *found : scope.floats({scope.random().between(1, 2), scope.random().between(1, 4), 4, 4});
}

// Weights are constants, or now and then made by a node of constants.
Made weights(Scope& scope, Shape shape) {
  const Made weight = scope.floats(std::move(shape), -0.5F, 0.5F);
  return scope.random().chance(15) ? scope.emit("Neg", {weight}, weight.dtype, weight.shape) : weight;
}

std::optional<Made> conv_of(Scope& scope) {
  const Made x = images(scope);
  const std::int64_t channels = x.shape[1];
  const bool depthwise = channels > 1 && scope.random().chance(25);
  const std::int64_t groups = depthwise ? channels : 1;
  const std::int64_t out = depthwise ? channels : scope.random().between(1, 4);
  const std::int64_t kernel = std::min<std::int64_t>({scope.random().between(1, 3), x.shape[2], x.shape[3]});
  const std::int64_t padding = kernel > 1 ? scope.random().below(2) : 0;
  const std::int64_t stride = scope.random().chance(20) ? 2 : 1;
  Shape shape = {x.shape[0], out, (x.shape[2] + 2 * padding - kernel) / stride + 1,
                 (x.shape[3] + 2 * padding - kernel) / stride + 1};
  std::vector<Made> inputs = {x, weights(scope, {out, channels / groups, kernel, kernel})};
  if (scope.random().chance(50)) inputs.push_back(weights(scope, {out}));
  return scope.emit("Conv", inputs, DType::kFloat32, shape,
                    {{"pads", Ints(4, padding)}, {"strides", Ints(2, stride)}, {"group", groups}});
}

bool conv(Scope& scope) { return conv_of(scope).has_value(); }

Made normalised(Scope& scope, const Made& x) {
  const Shape channels = {x.shape[1]};
  const std::vector<Made> inputs = {x, scope.floats(channels, 0.5F, 1.5F), scope.floats(channels),
                                    scope.floats(channels), scope.floats(channels, 0.5F, 2.0F)};
  return scope.emit("BatchNormalization", inputs, DType::kFloat32, x.shape,
                    scope.random().chance(50) ? Attributes{{"epsilon", 1e-3F}} : Attributes{});
}

bool batch_norm(Scope& scope) {
  normalised(scope, images(scope));
  return true;
}

bool conv_batch_norm(Scope& scope) {
  const auto x = conv_of(scope);
  if (scope.random().chance(15)) scope.emit("Relu", {*x}, x->dtype, x->shape);  // a second reader
  normalised(scope, *x);
  return true;
}

// One number a channel, one for all, or something that is neither.
bool conv_add(Scope& scope) {
  const auto x = conv_of(scope);
  const std::int64_t channels = x->shape[1];
  const std::array<Shape, 5> shapes = {{{}, {channels, 1, 1}, {1, channels, 1, 1}, {1}, {1, 1, x->shape[2], 1}}};
  std::vector<Made> inputs = {*x, scope.floats(shapes[static_cast<std::size_t>(scope.random().below(5))])};
  if (scope.random().chance(50)) std::swap(inputs[0], inputs[1]);
  scope.emit("Add", inputs, x->dtype, x->shape);
  return true;
}

bool pool(Scope& scope) {
  const Made x = images(scope);
  if (scope.random().chance(30)) {
    scope.emit("GlobalAveragePool", {x}, x.dtype, {x.shape[0], x.shape[1], 1, 1});
    return true;
  }
  if (x.shape[2] < 2 || x.shape[3] < 2) return false;
  const Shape shape = {x.shape[0], x.shape[1], x.shape[2] - 1, x.shape[3] - 1};
  scope.emit(scope.random().chance(50) ? "MaxPool" : "AveragePool", {x}, x.dtype, shape,
             {{"kernel_shape", Ints{2, 2}}});
  return true;
}

bool mat_mul(Scope& scope) {
  const auto x =
      scope.pick([](const Made& made) { return is_float(made) && made.shape.size() >= 2 && count_of(made.shape) > 0; });
  if (!x) return false;
  Shape shape = x->shape;
  shape.back() = scope.random().between(1, 5);
  if (count_of(shape) > kMaxElements || x->shape.back() > 200) return false;
  scope.emit("MatMul", {*x, weights(scope, {x->shape.back(), shape.back()})}, x->dtype, shape);
  return true;
}

bool gemm(Scope& scope) {
  const auto x = scope.pick([](const Made& made) {
    return is_float(made) && made.shape.size() == 2 && made.shape[1] < 200 && count_of(made.shape) > 0;
  });
  if (!x) return false;
  const std::int64_t width = scope.random().between(1, 5);
  const bool turned = scope.random().chance(50);
  std::vector<Made> inputs = {*x, weights(scope, turned ? Shape{width, x->shape[1]} : Shape{x->shape[1], width})};
  if (scope.random().chance(60)) inputs.push_back(weights(scope, scope.random().chance(50) ? Shape{width} : Shape{}));
  scope.emit("Gemm", inputs, x->dtype, {x->shape[0], width},
             {{"transB", std::int64_t{turned ? 1 : 0}}, {"alpha", 0.5F}, {"beta", 2.0F}});
  return true;
}

bool layer_norm(Scope& scope) {
  const auto x = scope.pick([](const Made& made) {
    return is_float(made) && !made.rounded && !made.shape.empty() && count_of(made.shape) > 0;
  });
  if (!x || scope.opset() < 17) return false;
  const Shape last = {x->shape.back()};
  scope.emit("LayerNormalization", {*x, scope.floats(last), scope.floats(last)}, x->dtype, x->shape);
  return true;
}

// Rounds to a step, so of exact values only.
bool quantise(Scope& scope) {
  const auto x = scope.pick([](const Made& made) { return is_float(made) && !made.rounded; });
  if (!x) return false;
  const Made step = scope.floats({}, 0.01F, 0.05F);
  const Made zero =
      scope.constant(Tensor::scalar<std::int8_t>(static_cast<std::int8_t>(scope.random().between(-9, 9))));
  const Made q = scope.emit("QuantizeLinear", {*x, step, zero}, DType::kInt8, x->shape);
  scope.emit("DequantizeLinear", {q, step, zero}, DType::kFloat32, x->shape);
  return true;
}

constexpr auto kRows = std::to_array<OpMakerRow>({
    {"Conv", 3, conv},
    {"BatchNormalization", 2, batch_norm},
    {"Conv and BatchNormalization", 5, conv_batch_norm},
    {"Conv and Add", 5, conv_add},
    {"pool", 2, pool},
    {"MatMul", 3, mat_mul},
    {"Gemm", 2, gemm},
    {"LayerNormalization", 1, layer_norm},
    {"quantise", 1, quantise},
    {"quantise again", 1, quantise},
});

}  // namespace

std::span<const OpMakerRow> network_ops() { return kRows; }

}  // namespace arete::test
