// Model: an .onnx opened in an engine, asked what it takes, and run. With tensor.h all that a device needs
// (libarete-run).
//
//   auto model = arete::Model::open("model.onnx");
//   auto outputs = model->run({{"image", *image}});
//
// Not for: images and records as such, making a model smaller (optimize.h).
// Threads: run() may be called on one Model from several threads at once. Ownership: a Model is moved, not copied; the
// tensors that it gave live on after it. Errors: as values, see result.h.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "arete/tensor.h"

namespace arete {
inline namespace v0 {

// What a model takes or gives.
struct ValueInfo {
  std::string name;
  DType dtype = DType::kUndefined;
  bool known_shape = true;        // false: not even the rank is known
  Shape shape;                    // -1 where any size will do
  std::vector<std::string> axes;  // names of the axes that have one ("N"), "" for the others
};

struct ModelOptions {
  int threads = 0;             // 0: all physical cores
  std::string engine;          // "": ONNX Runtime
  std::string engine_library;  // a file to use as the engine's library; "": the one installed with Arete. One a process
};

namespace detail {

inline ValueInfo to_info(const arete_value* value) {
  ValueInfo info;
  info.name = value->name;
  info.dtype = static_cast<DType>(value->dtype);
  info.known_shape = value->rank >= 0;
  for (std::int32_t i = 0; i < value->rank; ++i) {
    info.shape.push_back(value->shape[i]);
    info.axes.emplace_back(value->axes[i]);
  }
  return info;
}

// C would read such a text to its first NUL and take it for another.
inline bool has_nul(const std::string& text) { return text.find('\0') != std::string::npos; }

inline const char* or_null(const std::string& text) { return text.empty() ? nullptr : text.c_str(); }

}  // namespace detail

class Model {
 public:
  // An .onnx file, with external data from its folder. The file must not be changed in place while the Model lives.
  static Result<Model> open(const std::string& path, const ModelOptions& options = {}) {
    if (detail::has_nul(path)) return Error{Code::kInvalid, "the path holds a NUL byte"};
    const arete_model_options wanted = to_c(options);
    arete_model* made = nullptr;
    arete_status* const status = arete_model_open(path.c_str(), &wanted, &made);
    return take(status, made);
  }

  // The same from a copy of the bytes of one; `name` is for messages.
  static Result<Model> from_bytes(const void* data, std::size_t size_bytes, const std::string& name = "model",
                                  const ModelOptions& options = {}) {
    const arete_model_options wanted = to_c(options);
    arete_model* made = nullptr;
    arete_status* const status = arete_model_open_bytes(data, size_bytes, name.c_str(), &wanted, &made);
    return take(status, made);
  }

  const std::vector<ValueInfo>& inputs() const { return inputs_; }
  const std::vector<ValueInfo>& outputs() const { return outputs_; }
  std::string engine() const { return arete_model_engine(handle_.get()); }  // "onnxruntime 1.31.1"

  // One run, which blocks until it is done: every input by name in any order, every output in the order of outputs().
  // kInvalid names the input, what it wants and what it got.
  Result<std::vector<NamedTensor>> run(const std::vector<NamedTensor>& inputs) const {
    std::vector<const char*> names;
    std::vector<arete_tensor*> given;
    for (const NamedTensor& input : inputs) {
      if (detail::has_nul(input.name)) return Error{Code::kInvalid, "the name of an input holds a NUL byte"};
      names.push_back(input.name.c_str());
      given.push_back(input.tensor.handle());
    }
    std::vector<arete_tensor*> got(outputs_.size(), nullptr);
    arete_status* const status =
        arete_model_run(handle_.get(), names.data(), given.data(), given.size(), got.data(), got.size());
    if (status != nullptr) return detail::take_error(status);
    std::vector<NamedTensor> outputs;
    for (std::size_t i = 0; i < got.size(); ++i) outputs.push_back({outputs_[i].name, Tensor::from_handle(got[i])});
    return outputs;
  }

  arete_model* handle() const { return handle_.get(); }  // for calls of c.h, which do not take it over

 private:
  explicit Model(arete_model* handle) : handle_(handle) {
    for (std::size_t i = 0; i < arete_model_input_count(handle); ++i)
      inputs_.push_back(detail::to_info(arete_model_input(handle, i)));
    for (std::size_t i = 0; i < arete_model_output_count(handle); ++i)
      outputs_.push_back(detail::to_info(arete_model_output(handle, i)));
  }

  static Result<Model> take(arete_status* status, arete_model* made) {
    if (status != nullptr) return detail::take_error(status);
    return Model(made);
  }

  static arete_model_options to_c(const ModelOptions& options) {
    return {sizeof(arete_model_options), options.threads, detail::or_null(options.engine),
            detail::or_null(options.engine_library)};
  }

  std::unique_ptr<arete_model, detail::Free> handle_;
  std::vector<ValueInfo> inputs_;
  std::vector<ValueInfo> outputs_;
};

}  // namespace v0
}  // namespace arete
