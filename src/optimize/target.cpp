#include "optimize/target.h"

#include <algorithm>
#include <array>

namespace arete::optimize {
namespace {

constexpr std::array<FormRow, 6> kForms = {{
    {Form::kFloat, "float", "fp32", false},
    {Form::kStaticPerChannel, "int8 static per-channel", "int8", true},
    {Form::kStatic7Bit, "int8 static 7-bit weights", "int8", true},
    {Form::kStaticPerTensor, "int8 static per-tensor", "int8", true},
    {Form::kDynamic, "int8 dynamic", "int8", false},
    {Form::kWeightOnly, "int8 weights only", "int8", false},
}};

constexpr std::array<Form, 6> kAllForms = {Form::kFloat,           Form::kStaticPerChannel, Form::kStatic7Bit,
                                           Form::kStaticPerTensor, Form::kDynamic,          Form::kWeightOnly};
constexpr std::array<Form, 2> kMobileForms = {Form::kFloat, Form::kStaticPerChannel};
constexpr std::array<Form, 2> kIotForms = {Form::kFloat, Form::kStaticPerTensor};
// The browser takes one of the last two, by what dominates the model (candidates.cpp).
constexpr std::array<Form, 3> kBrowserForms = {Form::kFloat, Form::kDynamic, Form::kWeightOnly};

constexpr std::array<TargetRow, 4> kTargets = {{
    {"cpu", "the fastest on this machine's CPU", Objective::kLatency, true, kAllForms},
    {"mobile", "the smallest: static int8, a scale a channel", Objective::kBytes, false, kMobileForms},
    {"iot", "the smallest: static int8, a scale a tensor", Objective::kBytes, false, kIotForms},
    {"browser", "the smallest that needs no calibration: dynamic int8 or int8 weights", Objective::kBytes, false,
     kBrowserForms},
}};

}  // namespace

const FormRow& describe(Form form) { return kForms[static_cast<std::size_t>(form)]; }

std::span<const TargetRow> all_targets() { return kTargets; }

const TargetRow* find_target(std::string_view name) {
  const auto* found = std::ranges::find(kTargets, name, &TargetRow::name);
  return found == kTargets.end() ? nullptr : found;
}

std::optional<Precision> precision_from_name(std::string_view name) {
  if (name == "auto") return Precision::kAuto;
  if (name == "fp32") return Precision::kFp32;
  if (name == "int8") return Precision::kInt8;
  return std::nullopt;
}

}  // namespace arete::optimize
