// FunctionTable: a model's own functions, read for verifying: which node calls which, and that the
// calls end and stay within limits. Inside graph/ only.
// Threads: const after read(). Ownership: borrows the model. Limits: kMaxCallDepth, kMaxExpandedNodes
// (verifier.h).
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

#include "core/result.h"
#include "graph/model.h"

namespace arete::graph {

struct Function {
  enum class Walk : std::uint8_t { kNew, kOpen, kDone };

  const OpaqueFunction* source = nullptr;
  Model body;  // its operator sets, inputs and outputs by name, nodes
  Walk walk = Walk::kNew;
  int height = 0;                   // of the calls within it
  std::int64_t expanded_nodes = 0;  // that one call stands for
};

// What a function and its calls have in common; ONNX's own domain by either of its names.
std::string function_key(const std::string& domain, const std::string& name, const std::string& overload);

// "function 'domain.Name'"
std::string describe(const OpaqueFunction& function);

class FunctionTable {
 public:
  // Reads all bodies; kInvalid for two of one name.
  Status read(const Model& model);
  // kInvalid for a function that calls itself, kExhausted past the limits.
  Status check_calls(const Graph& main);

  // The function that a node calls, or nullptr.
  const Function* find(const Node& node) const;
  auto begin() const { return functions_.begin(); }
  auto end() const { return functions_.end(); }

 private:
  Status measure(Function& function, int depth);
  Status add_calls(const Graph& graph, int depth, std::int64_t& nodes, int& height);

  std::unordered_map<std::string, Function> functions_;
};

}  // namespace arete::graph
