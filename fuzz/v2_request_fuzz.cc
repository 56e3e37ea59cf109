// Fuzzes the Open Inference Protocol: any body is a request whose tensors hold what their shapes say, or an error; and
// what is echoed is JSON again. The first line is the number of a model and the header's value, or no value.
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/check.h"
#include "core/json.h"
#include "core/shape.h"
#include "serve/v2_reader.h"
#include "serve/v2_writer.h"

using namespace arete;
using namespace arete::serve;

namespace {

constexpr std::size_t kModels = 5;

ModelCodec make_model(std::size_t kind) {
  const std::array<std::vector<engine::ValueInfo>, kModels> inputs = {
      {{{"x", DType::kFloat32, {-1, 3}}},
       {{"a", DType::kInt64, {-1, -1}}, {"b", DType::kBool, {-1}}, {"c", DType::kString, {-1}}},
       {{"x", DType::kFloat16, {2, -1}}},
       {{"x", DType::kUint8, {}, false}},
       {{"x", DType::kFloat32, {-1, 3, 16, 16}}}}};
  return *ModelCodec::make("m", std::nullopt, inputs[kind], inputs[kind]);
}

const ModelCodec& model(std::size_t kind) {
  static const std::array<const ModelCodec, kModels> models = {make_model(0), make_model(1), make_model(2),
                                                               make_model(3), make_model(4)};
  return models[kind % kModels];
}

void check_tensor(const Tensor& tensor) {
  const Result<std::int64_t> count = element_count(tensor.shape());
  CHECK(count && *count == tensor.size());
  if (tensor.dtype() == DType::kString) {
    CHECK(tensor.strings().size() == static_cast<std::size_t>(*count));
  } else {
    CHECK(tensor.size_bytes() == packed_bytes(tensor.dtype(), *count));
  }
}

void check_answer(const ModelCodec& codec, const V2Request& request) {
  std::vector<Tensor> outputs;
  for (const engine::ValueInfo& input : codec.inputs()) {
    for (const NamedTensor& given : request.inputs) {
      if (given.name == input.name) outputs.push_back(given.tensor);
    }
  }
  if (outputs.size() != codec.inputs().size()) return;
  const Result<os::HttpResponse> response = write_v2_response(codec, "1", request, outputs);
  if (!response) return;
  const std::string_view length = response->headers.get(kJsonLengthHeader);
  const std::string_view body = response->body;
  const std::string_view json = length.empty() ? body : body.substr(0, std::stoul(std::string(length)));
  CHECK(Json::parse(json).has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos || end == 0) return 0;
  os::HttpRequest request;
  request.body = std::string(text.substr(end + 1));
  const std::string_view header = text.substr(1, end - 1);
  if (!header.empty()) request.headers.add(std::string(kJsonLengthHeader), std::string(header));
  const ModelCodec& codec = model(static_cast<std::size_t>(text.front() - '0') & 7U);
  const Result<V2Request> read = read_v2_request(codec, request);
  if (!read) return 0;
  for (const NamedTensor& input : read->inputs) check_tensor(input.tensor);
  for (const V2Output& output : read->outputs) CHECK(output.index < codec.outputs().size());
  check_answer(codec, *read);
  return 0;
}
