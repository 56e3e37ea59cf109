// The official operators: how many inputs and outputs, which attributes, since when. A thin view on
// the schemas of the onnx library, so that no other file needs to know it.
// Threads: pure; the library's registry is built on first use and then only read.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "graph/model.h"

namespace arete::graph {

struct AttributeRow {
  AttributeType type = AttributeType::kNone;
  bool required = false;
};

// A declared input or output. The last one of a variadic operator stands for all that follow.
struct ParameterRow {
  std::string name;
  bool required = false;  // "" in its place is an error
};

struct OpRow {
  int since_version = 0;
  int min_inputs = 0;
  int max_inputs = 0;  // INT_MAX for variadic operators
  int min_outputs = 0;
  int max_outputs = 0;
  bool deprecated = false;
  bool function = false;
  std::vector<ParameterRow> inputs;
  std::vector<ParameterRow> outputs;
  std::map<std::string, AttributeRow, std::less<>> attributes;
};

// The operator as of `opset`; nothing when the domain has no such operator then.
std::optional<OpRow> find_op(std::string_view domain, std::string_view op_type, std::int64_t opset);

// The newest version of a domain's operators that this build knows; 0 for a domain it does not know.
std::int64_t newest_opset(std::string_view domain);

inline constexpr std::int64_t kOldestOpset = 7;

// The newest version of the file format that this build knows.
std::int64_t newest_ir_version();

}  // namespace arete::graph
