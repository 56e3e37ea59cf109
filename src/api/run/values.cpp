#include "api/run/values.h"

namespace arete::api {

Values::Values(std::vector<engine::ValueInfo> infos) : infos_(std::move(infos)) {
  for (engine::ValueInfo& info : infos_) {
    info.axes.resize(info.shape.size());
    std::vector<const char*>& axes = axes_.emplace_back();
    for (const std::string& axis : info.axes) axes.push_back(axis.c_str());
  }
  for (std::size_t i = 0; i < infos_.size(); ++i) {
    const engine::ValueInfo& info = infos_[i];
    const auto rank = info.known_shape ? static_cast<std::int32_t>(info.shape.size()) : -1;
    values_.push_back(
        {info.name.c_str(), static_cast<arete_dtype>(info.dtype), rank, info.shape.data(), axes_[i].data()});
  }
  for (const arete_value& value : values_) list_.push_back(&value);
}

}  // namespace arete::api
