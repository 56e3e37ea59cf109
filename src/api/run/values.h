// Values: what a model takes or gives, as the structs of c.h that live as long as this list.
// Threads: never changes once it is made.
#pragma once

#include <vector>

#include "arete/c.h"
#include "engine/engine.h"

namespace arete::api {

class Values {
 public:
  explicit Values(std::vector<engine::ValueInfo> infos);
  // The structs point into this object.
  Values(const Values&) = delete;
  Values& operator=(const Values&) = delete;

  const std::vector<engine::ValueInfo>& infos() const { return infos_; }
  std::size_t size() const { return infos_.size(); }
  const arete_value* const* data() const { return list_.data(); }
  const arete_value* at(std::size_t index) const { return index < size() ? list_[index] : nullptr; }

 private:
  std::vector<engine::ValueInfo> infos_;
  std::vector<std::vector<const char*>> axes_;
  std::vector<arete_value> values_;
  std::vector<const arete_value*> list_;
};

}  // namespace arete::api
