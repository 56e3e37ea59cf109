// The operators that random graphs are made of: a row an operator, or a kind of operators that are alike.
#pragma once

#include <span>
#include <string_view>

#include "tests/random_graph/scope.h"

namespace arete::test {

// Adds a node with its constants; false where nothing that is there fits. May only be asked while
// growth().nodes_left is positive.
using Maker = bool (*)(Scope& scope);

struct OpMakerRow {
  std::string_view name;
  int weight;  // how often, beside the others
  Maker make;
};

std::span<const OpMakerRow> elementwise_ops();
std::span<const OpMakerRow> shape_ops();
std::span<const OpMakerRow> network_ops();
std::span<const OpMakerRow> control_ops();

// Adds about so many nodes, of all rows.
void grow(Scope& scope, int nodes);

}  // namespace arete::test
