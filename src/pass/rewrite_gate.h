// RewriteGate: a pass asks it before each rewrite, so that whoever runs the pass can let a part of its
// rewrites through and find the one that is wrong.
// Threads: one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>

#include "graph/model.h"

namespace arete::pass {

class RewriteGate {
 public:
  RewriteGate() = default;  // lets everything through
  // Lets the first `limit` askers through, but not those whose turn is in `denied`.
  RewriteGate(std::size_t limit, std::set<std::size_t> denied) : limit_(limit), denied_(std::move(denied)) {}

  // True when the rewrite at the node (and its place in the graph before the pass) may be done. A pass asks in the same
  // order each time, at most once a rewrite.
  bool admit(const graph::Node& node, std::size_t index) {
    const std::size_t turn = asked_++;
    if (turn >= limit_ || denied_.contains(turn)) return false;
    if (turn + 1 == limit_) last_ = graph::describe(node, index);
    return true;
  }

  std::size_t asked() const { return asked_; }
  // The asker that came last before the limit, in words; empty without one.
  const std::string& last() const { return last_; }

 private:
  std::size_t limit_ = SIZE_MAX;
  std::set<std::size_t> denied_;
  std::size_t asked_ = 0;
  std::string last_;
};

}  // namespace arete::pass
