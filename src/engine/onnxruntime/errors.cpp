#include "engine/onnxruntime/errors.h"

#include <string>
#include <string_view>

#include "engine/onnxruntime/words.h"

namespace arete::engine {
namespace {

Code code_of(OrtErrorCode code) {
  switch (code) {
    case ORT_NO_SUCHFILE:
      return Code::kNotFound;
    case ORT_INVALID_PROTOBUF:
      return Code::kCorrupt;
    case ORT_NOT_IMPLEMENTED:
      return Code::kUnsupported;
    case ORT_ENGINE_ERROR:
    case ORT_MODEL_LOADED:
    case ORT_EP_FAIL:
      return Code::kBug;
    // The rest is said of models and inputs that do not hold together.
    default:
      return Code::kInvalid;
  }
}

bool says_out_of_memory(std::string_view words) {
  return words.find("bad_alloc") != std::string_view::npos ||
         words.find("Failed to allocate") != std::string_view::npos ||
         words.find("bad allocation") != std::string_view::npos;
}

bool says_operator_lacks(std::string_view words) {
  return words.find("is not a registered function/op") != std::string_view::npos ||
         words.find("is not currently registered or supported") != std::string_view::npos;
}

}  // namespace

Error to_error(const Ort::Exception& failure) {
  const std::string words = trim_engine_words(failure.what());
  if (says_out_of_memory(words)) return {Code::kExhausted, "no memory: " + words};
  if (says_operator_lacks(words)) return {Code::kUnsupported, words};
  return {code_of(failure.GetOrtErrorCode()), words.empty() ? "no reason given" : words};
}

}  // namespace arete::engine
