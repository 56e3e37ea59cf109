// What a target means: which variants are tried and by what they are judged. Tables and nothing else.
// Threads: constants.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace arete::optimize {

enum class Objective : std::uint8_t { kLatency, kBytes };

// How a variant stores and computes. kFloat is the model after graph optimisation alone.
// kStatic7Bit is per-channel with weights within +-63: on x86 CPUs without VNNI the fast int8 kernels
// stay exact only then.
enum class Form : std::uint8_t { kFloat, kStaticPerChannel, kStatic7Bit, kStaticPerTensor, kDynamic, kWeightOnly };

struct FormRow {
  Form form;
  std::string_view name;       // in tables and JSON
  std::string_view precision;  // fp32 or int8
  bool needs_samples;          // calibration data
};
const FormRow& describe(Form form);

struct TargetRow {
  std::string_view name;
  std::string_view summary;
  Objective objective;
  bool never_slower;  // the default of --never-slower
  std::span<const Form> forms;
};
std::span<const TargetRow> all_targets();
const TargetRow* find_target(std::string_view name);

enum class Precision : std::uint8_t { kAuto, kFp32, kInt8 };
// Of auto, fp32 and int8; nothing for another name.
std::optional<Precision> precision_from_name(std::string_view name);

// By how much a variant must beat the original before it replaces it.
inline constexpr double kLeastGain = 0.05;

}  // namespace arete::optimize
