#include "optimize/candidates.h"

#include <algorithm>
#include <set>

#include "graph/official.h"
#include "graph/onnx_io.h"
#include "graph/summary.h"
#include "os/base/machine.h"
#include "pass/quantize.h"

namespace arete::optimize {
namespace {

// Bytes of weights and of the scales and zero points that quantisation added.
void split_bytes(const graph::Model& model, Candidate& candidate) {
  std::set<std::string_view> scales;
  for (const graph::Node& node : model.graph.nodes) {
    if (node.is("QuantizeLinear") || node.is("DequantizeLinear"))
      scales.insert(node.inputs.begin() + 1, node.inputs.end());
  }
  for (const graph::Weight& weight : model.graph.weights) {
    (scales.contains(weight.name) ? candidate.scale_bytes : candidate.weight_bytes) += weight.tensor.size_bytes();
  }
}

bool wanted(Form form, const CandidateRequest& request, bool matmul_dominated) {
  const bool is_float = form == Form::kFloat;
  if (request.precision == Precision::kFp32 && !is_float) return false;
  if (request.precision == Precision::kInt8 && is_float) return false;
  // Where 8-bit products are exact, a bit less would only cost accuracy.
  if (form == Form::kStatic7Bit && os::has_int8_dot_product()) return false;
  if (request.target.name != "browser" || is_float) return true;
  return form == (matmul_dominated ? Form::kDynamic : Form::kWeightOnly);
}

// The graph in an opset in which it can be quantised, calibrated once for all static variants.
class Builder {
 public:
  Builder(const graph::Model& model, engine::Engine& engine, const CandidateRequest& request)
      : model_(model), engine_(engine), request_(request) {}

  Result<CandidateSet> run() {
    const bool matmul_dominated = graph::is_matmul_dominated(model_);
    for (const Form form : request_.target.forms) {
      if (!wanted(form, request_, matmul_dominated)) continue;
      RETURN_IF_ERROR(add(form));
    }
    return std::move(set_);
  }

 private:
  Status add(Form form) {
    const FormRow& row = describe(form);
    if (form == Form::kFloat) {
      set_.candidates.push_back(make_candidate(std::string(row.name), std::string(row.precision), model_));
      return {};
    }
    graph::Model model;
    Status made = quantize(form, model);
    if (!made && (made.error().code == Code::kCancelled || fatal_)) return made;
    Candidate candidate;
    candidate.name = row.name;
    candidate.precision = row.precision;
    if (made) {
      candidate = make_candidate(candidate.name, candidate.precision, model);
    } else {
      candidate.left_out = made.error().message;
    }
    set_.candidates.push_back(std::move(candidate));
    return {};
  }

  Status quantize(Form form, graph::Model& model) {
    RETURN_IF_ERROR(convert());
    model = *converted_;
    switch (form) {
      case Form::kStaticPerChannel:
        return quantize_static(model, {true, 8});
      case Form::kStatic7Bit:
        return quantize_static(model, {true, 7});
      case Form::kStaticPerTensor:
        return quantize_static(model, {false, 8});
      case Form::kDynamic:
        return drop_report(pass::quantize_dynamic(model));
      default:
        return drop_report(pass::quantize_weights(model));
    }
  }

  Status convert() {
    if (converted_) return {};
    const std::int64_t opset = std::max(model_.opset(), pass::kQuantizeOpset);
    ASSIGN_OR_RETURN(graph::Model converted, graph::convert_opset(model_, opset));
    converted_ = graph::infer_shapes(std::move(converted));
    return {};
  }

  Status quantize_static(graph::Model& model, const pass::StaticOptions& options) {
    if (request_.calibration == nullptr) {
      return Error{Code::kInvalid, "static int8 needs samples: give --calibration DATA"};
    }
    if (!ranges_) {
      const std::vector<std::string> tensors = pass::tensors_to_observe(model);
      if (tensors.empty()) return drop_report(pass::quantize_static(model, {}, options));  // says why
      ASSIGN_OR_RETURN(tune::Calibrator calibrator, tune::Calibrator::open(engine_, model, tensors, request_.threads));
      Result<tune::Calibration> calibration = calibrator.run(*request_.calibration, request_.calibrate);
      // Bad samples are the user's to mend, not a property of this variant.
      fatal_ = !calibration;
      if (!calibration) return std::move(calibration).error();
      set_.calibration_samples = calibration->samples;
      set_.calibration_skipped = calibration->skipped;
      set_.calibration_reasons = calibration->reasons;
      ranges_ = std::move(calibration->ranges);
    }
    return drop_report(pass::quantize_static(model, *ranges_, options));
  }

  static Status drop_report(Result<pass::QuantizeReport> report) {
    if (!report) return std::move(report).error();
    return {};
  }

  const graph::Model& model_;
  engine::Engine& engine_;
  const CandidateRequest& request_;
  std::optional<graph::Model> converted_;
  std::optional<pass::Ranges> ranges_;
  bool fatal_ = false;
  CandidateSet set_;
};

}  // namespace

Candidate make_candidate(std::string name, std::string precision, const graph::Model& model) {
  Candidate candidate;
  candidate.name = std::move(name);
  candidate.precision = std::move(precision);
  Result<graph::WrittenModel> written = graph::write_onnx(model);
  if (!written) {
    candidate.left_out = written.error().message;
    return candidate;
  }
  candidate.bytes = std::move(written->bytes);
  split_bytes(model, candidate);
  candidate.one_by_one = graph::takes_scales_from_input(model);
  return candidate;
}

Result<CandidateSet> build_candidates(const graph::Model& model, engine::Engine& engine,
                                      const CandidateRequest& request) {
  return Builder(model, engine, request).run();
}

}  // namespace arete::optimize
