#include "api/run/model.h"

#include <functional>
#include <mutex>
#include <span>
#include <vector>

#include "api/run/status.h"
#include "api/run/tensor.h"
#include "api/run/values.h"

struct arete_model {
  std::unique_ptr<arete::engine::Engine> engine;  // outlives the session
  std::unique_ptr<arete::engine::Session> session;
  std::string engine_name;
  arete::api::Values inputs;
  arete::api::Values outputs;
  mutable std::mutex one_at_a_time;  // for a session that is not concurrent
};

namespace arete::api {
namespace {

Status open_checked(const Result<engine::ModelSource>& source, EngineMaker make_engine,
                    const arete_model_options* options, arete_model** model) {
  ASSIGN_OR_RETURN(const arete_model_options wanted,
                   read_struct(options, arete_model_options ARETE_MODEL_OPTIONS_INIT, "options"));
  if (!source) return source.error();
  ASSIGN_OR_RETURN(std::unique_ptr<engine::Engine> engine,
                   make_engine(text_or(wanted.engine, ""), text_or(wanted.engine_library, "")));
  engine::SessionOptions session_options;
  session_options.threads = wanted.threads;
  ASSIGN_OR_RETURN(std::unique_ptr<engine::Session> session, engine->open(*source, session_options));
  std::string name = engine->name() + " " + engine->version();
  std::vector<engine::ValueInfo> inputs = session->inputs();
  std::vector<engine::ValueInfo> outputs = session->outputs();
  *model = new arete_model{std::move(engine),         std::move(session),         std::move(name),
                           Values(std::move(inputs)), Values(std::move(outputs)), {}};
  return {};
}

// The inputs of a run under their names; without names they are the model's, in its order.
Result<std::vector<NamedTensor>> read_inputs(const arete_model& model, const char* const* names,
                                             arete_tensor* const* inputs, std::size_t count) {
  const std::vector<engine::ValueInfo>& infos = model.inputs.infos();
  if (names == nullptr && count != infos.size()) {
    std::string wanted;
    for (const engine::ValueInfo& info : infos) wanted += (wanted.empty() ? "'" : ", '") + info.name + "'";
    return Error{Code::kInvalid, "the model has " + std::to_string(infos.size()) + " inputs (" + wanted + "), got " +
                                     std::to_string(count)};
  }
  if (count > 0) RETURN_IF_ERROR(check_pointer(inputs, "inputs"));
  std::vector<NamedTensor> given;
  for (std::size_t i = 0; i < count; ++i) {
    if (names != nullptr) RETURN_IF_ERROR(check_pointer(names[i], "names[" + std::to_string(i) + "]"));
    const std::string name = names == nullptr ? infos[i].name : names[i];
    RETURN_IF_ERROR(check_pointer(inputs[i], "the tensor of input '" + name + "'"));
    given.push_back({name, inputs[i]->tensor});
  }
  return given;
}

bool lies_in(const Tensor& output, const Tensor& input) {
  const std::byte* const begin = input.bytes().data();
  const std::byte* const at = output.bytes().data();
  return output.size_bytes() > 0 && std::less_equal<>()(begin, at) && std::less<>()(at, begin + input.size_bytes());
}

// A model may hand an input through. Where its bytes are the caller's, who may take them back, the output gets its own.
void own_bytes(Tensor& output, arete_tensor* const* inputs, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    if (inputs[i]->borrowed && lies_in(output, inputs[i]->tensor)) output.mutable_bytes();
  }
}

Result<std::vector<Tensor>> run_session(const arete_model& model, std::span<const NamedTensor> inputs) {
  if (model.session->concurrent()) return model.session->run(inputs);
  const std::lock_guard lock(model.one_at_a_time);
  return model.session->run(inputs);
}

Status run_checked(const arete_model& model, const char* const* names, arete_tensor* const* inputs, std::size_t count,
                   std::span<arete_tensor*> outputs) {
  ASSIGN_OR_RETURN(const std::vector<NamedTensor> given, read_inputs(model, names, inputs, count));
  if (outputs.size() != model.outputs.size()) {
    return Error{Code::kInvalid, "the model has " + std::to_string(model.outputs.size()) +
                                     " outputs, there is room for " + std::to_string(outputs.size())};
  }
  ASSIGN_OR_RETURN(std::vector<Tensor> results, run_session(model, given));
  std::vector<std::unique_ptr<arete_tensor>> made;
  for (Tensor& result : results) {
    own_bytes(result, inputs, count);
    made.push_back(std::make_unique<arete_tensor>(arete_tensor{std::move(result)}));
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) outputs[i] = made[i].release();
  return {};
}

}  // namespace

Result<engine::ModelSource> source_from_path(const os::FileSystem& files, const char* path) {
  RETURN_IF_ERROR(check_pointer(path, "path"));
  return engine::ModelSource::from_file(files, path);
}

Result<engine::ModelSource> source_from_bytes(const void* data, std::size_t size_bytes, const char* name) {
  RETURN_IF_ERROR(check_pointer(data, "data"));
  if (size_bytes > engine::kMaxModelFileBytes) {
    return Error{Code::kExhausted, "the model is over 2 GiB; save its weights as external data and open its file"};
  }
  return engine::ModelSource::from_bytes(std::string(static_cast<const char*>(data), size_bytes),
                                         text_or(name, "model"));
}

Status open_model(const Result<engine::ModelSource>& source, EngineMaker make_engine,
                  const arete_model_options* options, arete_model** model) {
  RETURN_IF_ERROR(check_pointer(model, "model"));
  *model = nullptr;
  return open_checked(source, make_engine, options, model);
}

}  // namespace arete::api

extern "C" {

void arete_model_free(arete_model* model) noexcept { delete model; }

const char* arete_model_engine(const arete_model* model) noexcept {
  return model == nullptr ? "" : model->engine_name.c_str();
}

size_t arete_model_input_count(const arete_model* model) noexcept {
  return model == nullptr ? 0 : model->inputs.size();
}

size_t arete_model_output_count(const arete_model* model) noexcept {
  return model == nullptr ? 0 : model->outputs.size();
}

const arete_value* arete_model_input(const arete_model* model, size_t index) noexcept {
  return model == nullptr ? nullptr : model->inputs.at(index);
}

const arete_value* arete_model_output(const arete_model* model, size_t index) noexcept {
  return model == nullptr ? nullptr : model->outputs.at(index);
}

arete_status* arete_model_run(const arete_model* model, const char* const* names, arete_tensor* const* inputs,
                              size_t input_count, arete_tensor** outputs, size_t output_count) noexcept {
  using arete::api::check_pointer;
  return arete::api::guarded([&]() -> arete::Status {
    if (output_count > 0) RETURN_IF_ERROR(check_pointer(outputs, "outputs"));
    for (size_t i = 0; i < output_count; ++i) outputs[i] = nullptr;
    RETURN_IF_ERROR(check_pointer(model, "model"));
    return arete::api::run_checked(*model, names, inputs, input_count, {outputs, output_count});
  });
}

}  // extern "C"
