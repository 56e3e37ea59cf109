// If, Loop and Scan, whose bodies grow in the same way and see the tensors outside.
#include <array>

#include "tests/random_graph/op_rows.h"

namespace arete::test {
namespace {

bool may_nest(Scope& scope) { return scope.depth() < kMaxControlDepth && scope.growth().nodes_left > 4; }

// The body hands this out under a name of its own.
void hand_out(Scope& body, const Made& made) {
  const Made out = body.emit("Identity", {made}, made.dtype, made.shape);
  body.graph().outputs.push_back({out.name, type_of(out), ""});
}

// Of the type; one that the body itself made rather than a constant, where it made any.
Made of_type(Scope& body, const Made& type) {
  for (auto made = body.made().rbegin(); made != body.made().rend(); ++made) {
    if (made->dtype == type.dtype && made->shape == type.shape) return *made;
  }
  const auto outside =
      body.pick([&](const Made& other) { return other.dtype == type.dtype && other.shape == type.shape; });
  return outside ? *outside : body.floats(type.shape);
}

bool any_rounded(const Scope& body) {
  for (const Made& made : body.made()) {
    if (made.rounded) return true;
  }
  return false;
}

graph::AttributeValue finished(Scope& body) {
  body.graph().name = body.new_name("body");
  return std::make_shared<const graph::Graph>(std::move(body.graph()));
}

// A bool without axes: from outside, or a constant.
Made condition(Scope& scope) {
  const auto found = scope.pick([](const Made& made) { return made.dtype == DType::kBool && made.shape.empty(); });
  if (found && scope.random().chance(70)) return *found;
  const auto x = scope.pick([](const Made& made) {
    return is_float(made) && !made.rounded && !made.shape.empty() && count_of(made.shape) > 0;
  });
  if (!x || scope.random().chance(20)) return scope.constant(Tensor::scalar<bool>(scope.random().chance(50)));
  const Made flat = scope.emit("Reshape", {*x, scope.ints({-1})}, x->dtype, {count_of(x->shape)});
  const Made first = scope.emit("Gather", {flat, scope.scalar(0)}, x->dtype, {});
  return scope.emit("Greater", {first, scope.floats({})}, DType::kBool, {});
}

bool branches(Scope& scope) {
  if (!may_nest(scope)) return false;
  const Made chosen = condition(scope);
  const auto type = scope.pick(DType::kFloat32);
  if (!type) return false;
  bool rounded = false;
  Attributes attributes;
  for (const char* name : {"then_branch", "else_branch"}) {
    Scope body(scope.growth(), &scope);
    grow(body, static_cast<int>(scope.random().below(5)));
    hand_out(body, of_type(body, *type));
    rounded |= any_rounded(body);
    attributes.emplace_back(name, finished(body));
  }
  scope.emit_many("If", {chosen}, {{"", type->dtype, type->shape, rounded}}, std::move(attributes));
  return true;
}

// One state that keeps its type, and what it was in each turn.
bool loop(Scope& scope) {
  if (!may_nest(scope)) return false;
  const auto start = scope.pick(DType::kFloat32);
  if (!start || count_of(start->shape) * 3 > kMaxElements) return false;
  const std::int64_t turns = scope.random().between(0, 3);
  Scope body(scope.growth(), &scope);
  body.add_input({body.new_name("i"), DType::kInt64, {}, false}, false);
  const Made going{body.new_name("go"), DType::kBool, {}, false};
  body.add_input(going, false);
  body.add_input({body.new_name("state"), start->dtype, start->shape, true}, false);
  grow(body, static_cast<int>(scope.random().below(5)));
  hand_out(body, going);
  const Made state = of_type(body, *start);
  hand_out(body, state);
  hand_out(body, state);
  const Made none{"", DType::kBool, {}, false};
  Shape all = start->shape;
  all.insert(all.begin(), turns);
  scope.emit_many("Loop", {scope.scalar(turns), none, *start},
                  {{"", start->dtype, start->shape, true}, {"", start->dtype, all, true}}, {{"body", finished(body)}});
  return true;
}

// Adds up the rows of what it scans, and gives each row to a body.
bool scan(Scope& scope) {
  if (!may_nest(scope)) return false;
  const auto rows =
      scope.pick([](const Made& made) { return is_float(made) && made.shape.size() >= 2 && made.shape[0] > 0; });
  if (!rows) return false;
  const Shape row(rows->shape.begin() + 1, rows->shape.end());
  Scope body(scope.growth(), &scope);
  const Made sum{body.new_name("sum"), DType::kFloat32, row, true};
  const Made one{body.new_name("row"), DType::kFloat32, row, true};
  body.add_input(sum, false);
  body.add_input(one, false);
  grow(body, static_cast<int>(scope.random().below(4)));
  hand_out(body, body.emit("Add", {sum, one}, DType::kFloat32, row));
  hand_out(body, of_type(body, one));
  scope.emit_many("Scan", {scope.floats(row), *rows},
                  {{"", DType::kFloat32, row, true}, {"", DType::kFloat32, rows->shape, true}},
                  {{"body", finished(body)}, {"num_scan_inputs", std::int64_t{1}}});
  return true;
}

constexpr auto kRows = std::to_array<OpMakerRow>({
    {"If", 4, branches},
    {"Loop", 3, loop},
    {"Scan", 2, scan},
});

}  // namespace

std::span<const OpMakerRow> control_ops() { return kRows; }

}  // namespace arete::test
