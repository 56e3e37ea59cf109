#include "api/info.h"

#include <string>
#include <vector>

#include "api/run/status.h"
#include "api/run/values.h"
#include "graph/official.h"
#include "optimize/load_model.h"

namespace arete::api {
namespace {

Json values_json(const std::vector<graph::Value>& values) {
  Json list = Json::array();
  for (const graph::Value& value : values) {
    Json shape;  // null: the rank is not known
    if (value.type.has_shape) {
      shape = Json::array();
      for (const graph::Dim& dim : value.type.dims) {
        shape.push_back(dim.known() ? Json(dim.size) : dim.name.empty() ? Json(nullptr) : Json(dim.name));
      }
    }
    list.push_back(
        Json::object({{"name", value.name}, {"dtype", name_of(value.type.dtype)}, {"shape", std::move(shape)}}));
  }
  return list;
}

std::vector<engine::ValueInfo> infos_of(const std::vector<graph::Value>& values) {
  std::vector<engine::ValueInfo> infos;
  for (const graph::Value& value : values) {
    engine::ValueInfo info{value.name, value.type.dtype, {}, value.type.has_shape, {}};
    for (const graph::Dim& dim : value.type.dims) {
      info.shape.push_back(dim.size);
      info.axes.push_back(dim.name);
    }
    infos.push_back(std::move(info));
  }
  return infos;
}

// The struct of c_optimize.h with what it points to.
struct HeldInfo : arete_info {
  HeldInfo(const graph::ReadModel& read, std::uint64_t bytes)
      : arete_info{},
        summary(graph::summarise(read.model)),
        input_values(infos_of(read.model.graph.inputs)),
        output_values(infos_of(read.model.graph.outputs)),
        complaint(graph::official_complaint(read.model).value_or("")),
        text(info_json(read, summary, bytes).dump()) {
    for (const auto& [op, count] : summary.ops) {
      ops.push_back(op.c_str());
      counts.push_back(count);
    }
    inputs = input_values.data();
    input_count = input_values.size();
    outputs = output_values.data();
    output_count = output_values.size();
    op_names = ops.data();
    op_counts = counts.data();
    op_count = ops.size();
    opset = read.model.opset();
    nodes = summary.nodes;
    parameters = summary.parameters;
    size_bytes = bytes;
    weight_bytes = summary.weight_bytes;
    macs = summary.macs.value_or(-1);
    warning = complaint.c_str();
    json = text.c_str();
  }

  graph::Summary summary;
  Values input_values;
  Values output_values;
  std::vector<const char*> ops;
  std::vector<std::int64_t> counts;
  std::string complaint;
  std::string text;
};

}  // namespace

Result<std::uint64_t> size_bytes(const os::FileSystem& files, const std::string& path, const graph::ReadModel& read) {
  ASSIGN_OR_RETURN(const os::FileInfo file, files.info(path));
  std::uint64_t bytes = file.size_bytes;
  for (const auto& [location, external] : read.external_files) bytes += external;
  return bytes;
}

Json info_json(const graph::ReadModel& read, const graph::Summary& summary, std::uint64_t bytes) {
  Json ops = Json::object();
  for (const auto& [op, count] : summary.ops) ops.as_object().emplace_back(op, count);  // set() would look each up
  Json uncounted = Json::array();
  for (const std::string& op : summary.uncounted) uncounted.push_back(op);
  Json frozen = Json::array();
  for (const std::string& name : read.frozen_inputs) frozen.push_back(name);
  return Json::object({{"inputs", values_json(read.model.graph.inputs)},
                       {"outputs", values_json(read.model.graph.outputs)},
                       {"opset", read.model.opset()},
                       {"nodes", summary.nodes},
                       {"parameters", summary.parameters},
                       {"bytes", bytes},
                       {"weight_bytes", summary.weight_bytes},
                       {"macs", summary.macs ? Json(*summary.macs) : Json(nullptr)},
                       {"macs_uncounted", std::move(uncounted)},
                       {"ops", std::move(ops)},
                       {"frozen_inputs", std::move(frozen)}});
}

arete_status* read_info(const os::FileSystem& files, const char* path, arete_info** info) noexcept {
  return guarded([&]() -> Status {
    RETURN_IF_ERROR(check_pointer(info, "info"));
    *info = nullptr;
    RETURN_IF_ERROR(check_pointer(path, "path"));
    ASSIGN_OR_RETURN(const graph::ReadModel read, optimize::load_model(files, path));
    ASSIGN_OR_RETURN(const std::uint64_t bytes, size_bytes(files, path, read));
    *info = new HeldInfo(read, bytes);
    return {};
  });
}

}  // namespace arete::api

extern "C" void arete_info_free(arete_info* info) noexcept { delete static_cast<arete::api::HeldInfo*>(info); }
