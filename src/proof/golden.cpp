#include "proof/golden.h"

#include <algorithm>
#include <optional>

#include "core/batch.h"
#include "core/npy.h"
#include "proof/output_match.h"
#include "proof/random_inputs.h"

namespace arete::proof {
namespace {

constexpr std::string_view kInputs = "input/";
constexpr std::string_view kOutputs = "output/";
constexpr std::string_view kTolerances = "tolerance/";
constexpr double kAbsolute = 1e-6;

std::string array_name(std::string_view kind, const std::string& name) { return std::string(kind) + name; }

// The tensors one above the other, along a new first axis.
Result<Tensor> stack(std::span<const Tensor> parts) {
  std::vector<Tensor> rows;
  for (const Tensor& part : parts) {
    Shape shape = part.shape();
    shape.insert(shape.begin(), 1);
    ASSIGN_OR_RETURN(Tensor row, part.reshaped(std::move(shape)));
    rows.push_back(std::move(row));
  }
  return concat_rows(rows);
}

Result<Tensor> unstack(const Tensor& stacked, std::size_t index) {
  ASSIGN_OR_RETURN(const Tensor row, slice_rows(stacked, static_cast<std::int64_t>(index), 1));
  return row.reshaped(Shape(row.shape().begin() + 1, row.shape().end()));
}

Result<NamedTensor> stack_named(const Golden& golden, std::string_view kind,
                                std::vector<NamedTensor> GoldenSample::* side, std::size_t at) {
  std::vector<Tensor> parts;
  for (const GoldenSample& sample : golden.samples) parts.push_back((sample.*side)[at].tensor);
  const std::string name = array_name(kind, (golden.samples.front().*side)[at].name);
  Result<Tensor> stacked = stack(parts);
  if (!stacked) return with_context(std::move(stacked).error(), "golden " + name);
  return NamedTensor{name, std::move(*stacked)};
}

const Tensor* find(std::span<const NamedTensor> arrays, const std::string& name) {
  const auto found = std::ranges::find(arrays, name, &NamedTensor::name);
  return found == arrays.end() ? nullptr : &found->tensor;
}

// One side of all samples; false where the file has none of it and `required` does not say that it must.
Result<bool> read_side(std::span<const NamedTensor> arrays, std::string_view kind,
                       std::span<const engine::ValueInfo> wanted, bool required,
                       std::vector<NamedTensor> GoldenSample::* side, std::vector<GoldenSample>& samples) {
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const std::string name = array_name(kind, wanted[i].name);
    const Tensor* const stacked = find(arrays, name);
    if (stacked == nullptr && !required && i == 0) return false;
    if (stacked == nullptr) return Error{Code::kInvalid, "the golden file has no array '" + name + "'"};
    if (stacked->shape().empty() || stacked->shape().front() < 1 || stacked->dtype() != wanted[i].dtype) {
      return Error{Code::kInvalid, "the golden array '" + name + "' is " + describe(*stacked) +
                                       ", not samples above each other of " + engine::describe(wanted[i])};
    }
    const auto count = static_cast<std::size_t>(stacked->shape().front());
    if (count > kMaxGoldenSamples)
      return Error{Code::kExhausted, "the golden file has more than " + std::to_string(kMaxGoldenSamples) + " samples"};
    if (samples.empty()) samples.resize(count);
    if (samples.size() != count)
      return Error{Code::kInvalid, "the golden array '" + name + "' has another number of samples than the first"};
    for (std::size_t at = 0; at < count; ++at) {
      ASSIGN_OR_RETURN(Tensor one, unstack(*stacked, at));
      (samples[at].*side).push_back({wanted[i].name, std::move(one)});
    }
  }
  return true;
}

Result<double> read_tolerance(std::span<const NamedTensor> arrays, const std::string& output) {
  const std::string name = array_name(kTolerances, output);
  const Tensor* const array = find(arrays, name);
  if (array == nullptr || array->dtype() != DType::kFloat64 || array->size() != 1)
    return Error{Code::kInvalid, "the golden file must have one float64 '" + name + "'"};
  const double tolerance = array->data<double>().front();
  if (!(tolerance >= 0 && tolerance <= 1)) return Error{Code::kInvalid, "'" + name + "' must be in 0..1"};
  return tolerance;
}

}  // namespace

Result<std::string> write_golden(const Golden& golden) {
  std::vector<NamedTensor> arrays;
  if (golden.samples.empty()) return Error{Code::kInvalid, "there are no golden samples"};
  for (std::size_t i = 0; i < golden.samples.front().inputs.size(); ++i) {
    ASSIGN_OR_RETURN(NamedTensor stacked, stack_named(golden, kInputs, &GoldenSample::inputs, i));
    arrays.push_back(std::move(stacked));
  }
  for (std::size_t i = 0; i < golden.samples.front().outputs.size(); ++i) {
    ASSIGN_OR_RETURN(NamedTensor stacked, stack_named(golden, kOutputs, &GoldenSample::outputs, i));
    arrays.push_back(std::move(stacked));
    arrays.push_back({array_name(kTolerances, golden.samples.front().outputs[i].name),
                      Tensor::scalar<double>(golden.tolerances.at(i))});
  }
  return write_npz(arrays);
}

Result<Golden> parse_golden(std::span<const std::byte> bytes, std::span<const engine::ValueInfo> inputs,
                            std::span<const engine::ValueInfo> outputs) {
  ASSIGN_OR_RETURN(const std::vector<NamedTensor> arrays, parse_npz(bytes, kMaxGoldenBytes));
  Golden golden;
  ASSIGN_OR_RETURN([[maybe_unused]] const bool inputs_read,
                   read_side(arrays, kInputs, inputs, true, &GoldenSample::inputs, golden.samples));
  ASSIGN_OR_RETURN(const bool has_outputs,
                   read_side(arrays, kOutputs, outputs, false, &GoldenSample::outputs, golden.samples));
  for (const engine::ValueInfo& output : outputs) {
    if (!has_outputs) break;
    ASSIGN_OR_RETURN(const double tolerance, read_tolerance(arrays, output.name));
    golden.tolerances.push_back(tolerance);
  }
  for (const GoldenSample& sample : golden.samples) RETURN_IF_ERROR(engine::check_inputs(inputs, sample.inputs));
  return golden;
}

Result<Golden> random_golden(std::span<const engine::ValueInfo> inputs, std::uint64_t seed) {
  Golden golden;
  for (std::size_t i = 0; i < kGoldenSamples; ++i) {
    ASSIGN_OR_RETURN(std::vector<NamedTensor> sample, random_inputs(inputs, seed + i));
    golden.samples.push_back({std::move(sample), {}});
  }
  return golden;
}

Result<std::vector<std::vector<Tensor>>> check_golden(const Golden& golden, const RunModel& run) {
  std::vector<std::vector<Tensor>> all;
  for (std::size_t i = 0; i < golden.samples.size(); ++i) {
    const GoldenSample& sample = golden.samples[i];
    const std::string context = "golden sample " + std::to_string(i);
    Result<std::vector<Tensor>> outputs = run(sample.inputs);
    if (!outputs) return with_context(std::move(outputs).error(), context);
    for (std::size_t j = 0; j < sample.outputs.size(); ++j) {
      const Tolerance tolerance{.of_largest = golden.tolerances.at(j), .absolute = kAbsolute};
      const Status same = check_match(sample.outputs[j].name, sample.outputs[j].tensor, outputs->at(j), tolerance);
      if (!same) return with_context(same.error(), context);
    }
    all.push_back(std::move(*outputs));
  }
  return all;
}

}  // namespace arete::proof
