#include "tune/dataset_parts.h"

#include <algorithm>
#include <cctype>
#include <cmath>

namespace arete::tune {
namespace {

constexpr std::size_t kNamesInMessage = 8;

std::string fold_case(std::string_view name) {
  std::string folded(name);
  for (char& c : folded) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return folded;
}

template <class Element, class Convert>
void store(std::span<const double> values, Tensor& tensor, Convert convert) {
  auto* const to = reinterpret_cast<Element*>(tensor.mutable_bytes().data());
  std::ranges::transform(values, to, convert);
}

Result<Tensor> convert(const Tensor& tensor, std::span<const double> values, DType dtype) {
  ASSIGN_OR_RETURN(Tensor out, Tensor::zeros(dtype, tensor.shape()));
  switch (dtype) {
    case DType::kFloat64:
      store<double>(values, out, [](double v) { return v; });
      break;
    case DType::kFloat32:
      store<float>(values, out, [](double v) { return static_cast<float>(v); });
      break;
    default:
      store<std::uint16_t>(values, out, [](double v) { return float_to_half(static_cast<float>(v)); });
  }
  return out;
}

bool all_finite(const Tensor& tensor) {
  if (tensor.dtype() == DType::kFloat32) {
    return std::ranges::all_of(tensor.data<float>(), [](float value) { return std::isfinite(value); });
  }
  const Result<std::vector<double>> values = to_doubles(tensor);
  return values && std::ranges::all_of(*values, [](double value) { return std::isfinite(value); });
}

}  // namespace

bool is_real(DType dtype) {
  const Result<Tensor> one = Tensor::zeros(dtype, {});
  return one.has_value() && to_doubles(*one).has_value();
}

LabelIndex::LabelIndex(const std::vector<std::string>& labels) {
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto index = static_cast<std::int64_t>(i);
    exact_.emplace(labels[i], index);
    const auto [at, is_new] = folded_.emplace(fold_case(labels[i]), index);
    if (!is_new) at->second.reset();
  }
}

std::optional<std::int64_t> LabelIndex::find(std::string_view name) const {
  if (const auto found = exact_.find(name); found != exact_.end()) return found->second;
  const auto found = folded_.find(fold_case(name));
  return found == folded_.end() ? std::nullopt : found->second;
}

std::int64_t classes_of(const DatasetOptions& options) {
  const std::size_t labels = options.card.output.labels.size();
  return labels > 0 ? static_cast<std::int64_t>(labels) : options.classes;
}

Result<engine::ValueInfo> only_input(const DatasetOptions& options, std::string_view kind) {
  if (options.inputs.size() == 1) return options.inputs.front();
  return Error{Code::kUnsupported, std::string(kind) + " feeds one input, and the model has " +
                                       std::to_string(options.inputs.size()) +
                                       "; use an .npz with one array per input"};
}

Result<SampleShape> match_shape(const Shape& sample, const engine::ValueInfo& input, const proof::BatchRule& batch) {
  if (!input.known_shape) return SampleShape::kRow;
  const auto fits = [](std::span<const std::int64_t> sizes, std::span<const std::int64_t> wanted) {
    return std::ranges::equal(sizes, wanted,
                              [](std::int64_t size, std::int64_t want) { return want < 0 || want == size; });
  };
  const std::span<const std::int64_t> sizes(sample);
  const std::span<const std::int64_t> wanted(input.shape);
  const bool same_rank = sizes.size() == wanted.size();
  const bool has_batch = !wanted.empty() && (wanted[0] < 0 || wanted[0] == 1 || batch.exact);
  if (same_rank && has_batch && fits(sizes.subspan(1), wanted.subspan(1))) return SampleShape::kRow;
  if (sizes.size() == wanted.size() + 1 && fits(sizes.subspan(1), wanted)) return SampleShape::kWhole;
  Shape rows = input.shape;
  if (!rows.empty()) rows[0] = 1;
  const std::string as_row = has_batch ? to_string(rows) + ", or " : "";
  rows = input.shape;
  rows.insert(rows.begin(), 1);
  return Error{Code::kInvalid,
               "samples of shape " + to_string(sample) + " do not fit the model's input " + input.name + " " +
                   engine::describe(input) + ": a sample must be " + as_row + "the whole input behind an axis of 1, " +
                   to_string(rows) +
                   (has_batch ? "" : " (the first axis is no batch: it has a fixed size that not every output has)")};
}

Result<Tensor> without_first_axis(const Tensor& tensor) {
  return tensor.reshaped(Shape(tensor.shape().begin() + 1, tensor.shape().end()));
}

Status check_dtype(DType from, const engine::ValueInfo& input) {
  if (from == input.dtype || (is_floating(input.dtype) && is_real(from))) return {};
  const std::string wanted(name_of(input.dtype));
  return Error{Code::kInvalid, "the data is " + std::string(name_of(from)) + ", and the model's input " + input.name +
                                   " wants " + wanted + "; save it again after x.astype('" + wanted + "')"};
}

Result<Tensor> fit_tensor(Tensor tensor, const engine::ValueInfo& input) {
  if (tensor.dtype() != input.dtype) {
    ASSIGN_OR_RETURN(const std::vector<double> values, to_doubles(tensor));
    ASSIGN_OR_RETURN(tensor, convert(tensor, values, input.dtype));
  }
  if (!is_floating(input.dtype) || all_finite(tensor)) return tensor;
  return Error{Code::kInvalid, "input " + input.name + " holds NaN, infinity or a number too large for " +
                                   std::string(name_of(input.dtype))};
}

std::string list_names(std::span<const std::string> names) {
  std::string text;
  for (const std::string& name : names.first(std::min(names.size(), kNamesInMessage))) {
    text += (text.empty() ? "" : ", ") + name;
  }
  if (names.size() <= kNamesInMessage) return text.empty() ? "none" : text;
  return text + " and " + std::to_string(names.size() - kNamesInMessage) + " more";
}

}  // namespace arete::tune
