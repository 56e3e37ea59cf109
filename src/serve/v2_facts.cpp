#include "serve/v2_facts.h"

#include <memory>
#include <utility>
#include <vector>

#include "serve/v2_message.h"

namespace arete::serve {
namespace {

constexpr std::string_view kPlatform = "onnx_onnxv1";

Json values_json(const std::vector<engine::ValueInfo>& values) {
  Json list = Json::array();
  for (const engine::ValueInfo& value : values) {
    Json shape = Json::array();
    for (const std::int64_t size : value.shape) shape.push_back(size);
    list.push_back(
        Json::object({{"name", value.name}, {"datatype", v2_name(value.dtype)}, {"shape", std::move(shape)}}));
  }
  return list;
}

// Without the axis that a batch grows along, where there is one.
Json config_values(const std::vector<engine::ValueInfo>& values, bool batches) {
  Json list = Json::array();
  for (const engine::ValueInfo& value : values) {
    Json dims = Json::array();
    for (std::size_t i = batches ? 1 : 0; i < value.shape.size(); ++i) dims.push_back(value.shape[i]);
    const std::string_view name = value.dtype == DType::kString ? "STRING" : v2_name(value.dtype);
    list.push_back(
        Json::object({{"name", value.name}, {"data_type", "TYPE_" + std::string(name)}, {"dims", std::move(dims)}}));
  }
  return list;
}

// "" where none is named. A number is no version: it must not end as "whichever".
Result<std::string> version_of(const V2Parameters& parameters) {
  if (!parameters.has("version")) return std::string();
  const auto version = parameters.get<std::string>("version");
  if (!version) return Error{Code::kInvalid, "the parameter version must be a string, as \"2\""};
  return *version;
}

}  // namespace

Json v2_server_metadata(const std::string& version) {
  Json extensions = Json::array();
  for (const char* extension : {"binary_tensor_data", "classification", "model_configuration", "model_repository",
                                "model_repository(unload_dependents)", "parameters", "schedule_policy", "statistics"})
    extensions.push_back(extension);
  return Json::object({{"name", "arete"}, {"version", version}, {"extensions", std::move(extensions)}});
}

Result<bool> v2_model_ready(const ModelTable& table, std::string_view name, std::string_view version) {
  const Result<Pick> pick = table.pick(name, version);
  if (!pick && pick.error().code == Code::kNotFound) return pick.error();
  return pick.has_value() || table.is_asleep(name);
}

Result<Json> v2_model_metadata(const ModelTable& table, std::string_view name, std::string_view version) {
  ASSIGN_OR_RETURN(const Pick pick, table.pick(name, version));
  Json versions = Json::array();
  for (const ModelRow& row : table.rows()) {
    if (row.name == pick.model->name() && row.state == ModelState::kReady) versions.push_back(row.version);
  }
  return Json::object({{"name", pick.model->name()},
                       {"versions", std::move(versions)},
                       {"platform", kPlatform},
                       {"inputs", values_json(pick.model->codec().inputs())},
                       {"outputs", values_json(pick.model->codec().outputs())}});
}

Result<Json> v2_model_config(const ModelTable& table, std::string_view name, std::string_view version) {
  ASSIGN_OR_RETURN(const Pick pick, table.pick(name, version));
  const ServedModel& model = *pick.model;
  const std::int64_t rows = model.batcher().max_rows();
  const bool batches = rows > 1;
  return Json::object({{"name", model.name()},
                       {"platform", kPlatform},
                       {"backend", "onnxruntime"},
                       {"max_batch_size", batches ? rows : 0},
                       {"input", config_values(model.codec().inputs(), batches)},
                       {"output", config_values(model.codec().outputs(), batches)}});
}

Result<Json> v2_statistics(const ModelTable& table, std::string_view name, std::string_view version) {
  Json list = Json::array();
  bool known = name.empty();
  for (const std::shared_ptr<const ServedModel>& model : table.ready()) {
    if (!name.empty() && (model->name() != name || (!version.empty() && model->version() != version))) continue;
    known = true;
    list.push_back(model->statistics().to_json(model->name(), model->version()));
  }
  if (!known) {
    if (const Result<Pick> pick = table.pick(name, version); !pick) return pick.error();
  }
  return Json::object({{"model_stats", std::move(list)}});
}

Result<Json> v2_repository_index(ModelTable& table, bool ready_only) {
  RETURN_IF_ERROR(table.scan());
  Json list = Json::array();
  for (const ModelRow& row : table.rows()) {
    if (ready_only && row.state != ModelState::kReady) continue;
    list.push_back(Json::object(
        {{"name", row.name}, {"version", row.version}, {"state", name_of(row.state)}, {"reason", row.reason}}));
  }
  return list;
}

Status v2_load(ModelTable& table, const std::string& name, const V2Parameters& parameters) {
  for (const auto& [key, value] : parameters.values) {
    if (key == "version") continue;
    return Error{Code::kUnsupported, "the load parameter '" + key +
                                         "' is not taken: models come from the repository folder alone; put the "
                                         "file there and load it by its name"};
  }
  ASSIGN_OR_RETURN(const std::string version, version_of(parameters));
  return table.load(name, version);
}

Status v2_unload(ModelTable& table, const std::string& name, const V2Parameters& parameters) {
  ASSIGN_OR_RETURN(const std::string version, version_of(parameters));
  return table.unload(name, version);
}

}  // namespace arete::serve
