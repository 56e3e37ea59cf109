// HeldOutcome: the structs of c_optimize.h that tell what came of arete_optimize, with what they point to.
// Threads: never changes once it is made.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "arete/c_optimize.h"
#include "core/json.h"

namespace arete::api {

struct HeldOutcome : arete_outcome {
  // `report` is the object of `arete optimize --json`.
  HeldOutcome(const Json& report, bool is_success);
  // The structs point into this object.
  HeldOutcome(const HeldOutcome&) = delete;
  HeldOutcome& operator=(const HeldOutcome&) = delete;

 private:
  const arete_variant* add(const Json& row);
  const char* keep(const Json& object, const char* key);

  std::deque<std::string> texts_;
  std::deque<arete_variant> rows_;
  std::vector<const arete_variant*> list_;
};

}  // namespace arete::api
