#include "optimize/pipeline.h"

#include <algorithm>

#include "core/activation.h"
#include "graph/official.h"
#include "graph/onnx_io.h"
#include "graph/summary.h"
#include "optimize/candidates.h"
#include "optimize/card_guess.h"
#include "optimize/choose.h"
#include "optimize/golden_answers.h"
#include "optimize/load_model.h"
#include "optimize/pass_engine.h"
#include "optimize/report_page.h"
#include "os/base/machine.h"
#include "pass/preset.h"
#include "pass/runner.h"
#include "proof/opened.h"
#include "proof/random_inputs.h"
#include "proof/sample_batch.h"
#include "tune/dataset.h"
#include "tune/seen_samples.h"

namespace arete::optimize {
namespace {

constexpr std::size_t kRandomSamples = 32;
constexpr std::uint64_t kRandomSeed = 1;

// One run of the pipeline: each method is a step, and says what no longer changes after it.
class Run {
 public:
  Run(const Request& request, engine::Engine& engine, const os::FileSystem& files, const Observer& observer)
      : request_(request), engine_(engine), files_(files), observer_(observer) {}

  Status check_request();
  Status convert();
  Status optimise_graph();
  Status open_data();
  Status quantise();
  Status prove();
  void choose_best();
  Status publish();

  Outcome outcome_;

 private:
  Status check_paths() const;
  std::string card_path() const;
  std::string golden_path() const;
  std::string card_name() const;  // of the model's own card, for messages
  proof::Progress progress(const std::string& step) const;
  Result<std::unique_ptr<tune::Dataset>> open(const std::string& path);
  engine::SessionOptions session_options() const;
  engine::ModelSource source_of(std::size_t variant) const;
  Status open_sessions();
  Result<SampleSource*> proof_source();
  Result<std::vector<NamedTensor>> latency_inputs(SampleSource& source);
  proof::BatchRule batch_rule() const;
  proof::CompareOptions compare_options() const;
  std::string how_to_classify() const;
  void say_evidence(const proof::Comparison& comparison, std::size_t known);
  Status compare(SampleSource& samples);
  Status measure(const std::vector<NamedTensor>& inputs);
  Status check_labels() const;
  graph::Model without_functions(const graph::Model& model);
  Result<std::optional<PassCheck>> pass_check();
  void say_dropped(const pass::PassReport& report);
  Status stage_text(const std::string& path, std::string_view text);
  Status stage_golden();
  Status stage_model();

  const Request& request_;
  engine::Engine& engine_;
  const os::FileSystem& files_;
  const Observer& observer_;
  const TargetRow* target_ = nullptr;

  engine::ModelSource source_;  // the original as the user gave it
  graph::ReadModel read_;       // the original as a graph
  graph::Model model_;          // after the passes
  bool graph_changed_ = false;  // by one of them
  std::unique_ptr<tune::Dataset> calibration_;
  tune::SeenSamples calibrated_on_;
  std::unique_ptr<tune::Dataset> evaluation_;
  std::unique_ptr<SampleSource> random_;
  SampleSource* proven_on_ = nullptr;  // one of these
  std::vector<Candidate> candidates_;  // one for each variant of the outcome
  proof::Opened original_;
  std::vector<std::optional<proof::Opened>> opened_;  // by variant; gone once they are compared
  std::vector<std::unique_ptr<os::StagedFile>> staged_;
};

proof::Progress Run::progress(const std::string& step) const {
  proof::Progress progress;
  if (observer_.progress) {
    progress.report = [this, step](std::int64_t done, std::int64_t total) { observer_.progress(step, done, total); };
  }
  progress.stop_requested = observer_.stop_requested;
  return progress;
}

// Nothing that is written may be something that is read, by whatever name or link.
Status Run::check_paths() const {
  struct Path {
    std::string path;
    std::string what;
  };
  const std::vector<Path> written = {{request_.output_path, "the output (-o)"},
                                     {request_.report_path, "the report (--report)"},
                                     {card_path(), "the output's card"},
                                     {golden_path(), "the output's golden answers"},
                                     {data_path_of(request_.output_path), "the output's weights"}};
  std::vector<Path> read = {{request_.model_path, "the model"},
                            {request_.calibration_path, "the calibration data"},
                            {request_.evaluation_path, "the evaluation data"},
                            {request_.card_path, "the model card"}};
  for (const auto& [location, bytes] : read_.external_files) {
    read.push_back({os::join_path(os::folder_of(request_.model_path), location), "the model's weights"});
  }
  for (std::size_t i = 0; i < written.size(); ++i) {
    if (written[i].path.empty()) continue;
    for (const Path& other : read) {
      // The card given may be the one at the output's place: then it stays as it is.
      if (i == 2 && other.what == "the model card") continue;
      if (!other.path.empty() && os::same_file(files_, written[i].path, other.path)) {
        return Error{Code::kInvalid,
                     written[i].what + " would overwrite " + other.what + " '" + other.path + "'; give another path"};
      }
    }
    for (const std::string& data : {request_.calibration_path, request_.evaluation_path}) {
      if (data.empty() || !os::lies_within(files_, written[i].path, data)) continue;
      return Error{Code::kInvalid,
                   written[i].what + " would lie among the samples in '" + data + "'; give another path"};
    }
    for (std::size_t j = 0; j < i; ++j) {
      if (written[j].path.empty()) continue;
      if (os::same_file(files_, written[i].path, written[j].path))
        return Error{Code::kInvalid,
                     written[i].what + " and " + written[j].what + " are the same file; give another path"};
    }
  }
  return {};
}

std::string Run::card_path() const {
  return os::join_path(os::folder_of(request_.output_path), os::stem_of(request_.output_path) + ".card.json");
}

std::string Run::golden_path() const {
  return os::join_path(os::folder_of(request_.output_path), os::stem_of(request_.output_path) + ".golden.npz");
}

std::string Run::card_name() const { return os::stem_of(request_.model_path) + ".card.json"; }

// Everything that can be refused is refused before the long work.
Status Run::check_request() {
  target_ = find_target(request_.target);
  if (target_ == nullptr) return Error{Code::kNotFound, "there is no target '" + request_.target + "'"};
  if (pass::find_preset(request_.level) == nullptr)
    return Error{Code::kNotFound, "there is no level '" + request_.level + "'"};
  if (request_.output_path.empty()) return Error{Code::kInvalid, "the output has no name; give a path to -o"};
  RETURN_IF_ERROR(check_paths());
  RETURN_IF_ERROR(check_place(files_, request_.output_path, "the output"));
  RETURN_IF_ERROR(check_place(files_, card_path(), "the output's card"));
  if (!request_.report_path.empty()) RETURN_IF_ERROR(check_place(files_, request_.report_path, "the report"));
  if (!request_.calibration_path.empty() &&
      os::same_file(files_, request_.calibration_path, request_.evaluation_path)) {
    return Error{Code::kInvalid,
                 "calibration and evaluation must be different samples, else the accuracy is flattered"};
  }
  outcome_.model_name = os::stem_of(request_.model_path);
  outcome_.target = request_.target;
  outcome_.level = request_.level;
  outcome_.objective = target_->objective;
  outcome_.max_accuracy_drop_points = request_.max_accuracy_drop_points;
  return {};
}

// Passes look into no function; one that cannot be inlined stays a node that they do not know.
graph::Model Run::without_functions(const graph::Model& model) {
  Result<graph::Model> inlined = graph::inline_functions(model);
  if (inlined) return std::move(*inlined);
  outcome_.notes.push_back(inlined.error().message);
  return model;
}

// After this step the original is a verified graph.
Status Run::convert() {
  ASSIGN_OR_RETURN(source_, engine::ModelSource::from_file(files_, request_.model_path));
  ASSIGN_OR_RETURN(read_, load_model(files_, request_.model_path));
  model_ = graph::infer_shapes(without_functions(read_.model));
  outcome_.frozen_inputs = read_.frozen_inputs;
  outcome_.original_weight_bytes = graph::weight_bytes(read_.model);
  outcome_.original_precision = graph::precision_of(read_.model);
  outcome_.original_bytes = source_.bytes.view.size();
  for (const auto& [location, bytes] : read_.external_files) outcome_.original_bytes += bytes;
  RETURN_IF_ERROR(check_paths());  // now with the files that hold weights
  outcome_.card = request_.card ? *request_.card : guess_card(model_);
  for (std::string& note : assumptions(model_, outcome_.card, !request_.card, card_name()))
    outcome_.notes.push_back(std::move(note));
  if (!outcome_.frozen_inputs.empty()) outcome_.steps_completed.emplace_back("onnx_conversion");
  return {};
}

// After this step the float graph is final.
Status Run::optimise_graph() {
  pass::RunOptions options;
  options.disabled = request_.disabled_passes;
  options.now_ns = [] { return os::real_clock().now_ns(); };
  options.evaluate = make_evaluator(engine_);
  ASSIGN_OR_RETURN(std::optional<PassCheck> check, pass_check());
  if (check) {
    options.accept = [&check](const pass::PassRow& pass, const graph::Model& before, const graph::Model& after) {
      return check->compare(pass, before, after);
    };
  }
  ASSIGN_OR_RETURN(outcome_.passes, pass::run_passes(model_, pass::find_preset(request_.level)->passes, options));
  graph_changed_ = std::ranges::any_of(outcome_.passes, [](const pass::PassReport& pass) { return pass.changes > 0; });
  if (graph_changed_) outcome_.steps_completed.emplace_back("graph_optimization");
  for (const pass::PassReport& report : outcome_.passes) say_dropped(report);
  return {};
}

// Nothing where it was not asked for, or the model runs on no input at hand.
Result<std::optional<PassCheck>> Run::pass_check() {
  if (!request_.verify_passes) return std::optional<PassCheck>();
  Result<PassCheck> check = PassCheck::make(engine_, model_, calibration_.get());
  if (!check) {
    outcome_.notes.push_back("the passes were not compared: " + check.error().message);
    return std::optional<PassCheck>();
  }
  outcome_.passes_compared_on = check->inputs();
  return std::optional<PassCheck>(std::move(*check));
}

void Run::say_dropped(const pass::PassReport& report) {
  for (const pass::DroppedRewrite& rewrite : report.dropped)
    outcome_.notes.push_back(report.name + " was left out at " + rewrite.node + ": " + rewrite.why);
  if (!report.undone_because.empty()) outcome_.notes.push_back(report.name + " was undone: " + report.undone_because);
}

Result<std::unique_ptr<tune::Dataset>> Run::open(const std::string& path) {
  if (path.empty()) return std::unique_ptr<tune::Dataset>();
  const std::vector<engine::ValueInfo>& outputs = original_.session->outputs();
  tune::DatasetOptions options;
  options.card = outcome_.card;
  options.inputs = original_.session->inputs();
  options.batch = batch_rule();
  if (!outputs.empty() && outputs[0].known_shape)
    options.classes = classes_of(outcome_.card.output, outputs[0].dtype, outputs[0].shape);
  options.use_labels = outcome_.card.output.kind == OutputKind::kClassification;
  Result<std::unique_ptr<tune::Dataset>> dataset = tune::open_dataset(files_, path, options);
  if (!dataset) return dataset;
  auto& labels = outcome_.card.output.labels;
  if (labels.empty()) labels = (*dataset)->labels();
  const Status fit = check_labels();
  if (!fit) return with_context(fit.error(), path);
  return dataset;
}

// Classes that are not the model's would be counted as wrong, or as right, by chance.
Status Run::check_labels() const {
  const std::vector<engine::ValueInfo>& outputs = original_.session->outputs();
  if (outputs.empty() || !outputs[0].known_shape) return {};
  const Status fit = arete::check_labels(outcome_.card.output, outputs[0].shape);
  if (fit) return {};
  return Error{fit.error().code, fit.error().message + "; list the model's labels in its card (" + card_name() + ")"};
}

Status Run::open_data() {
  Result<proof::Opened> opened = proof::open_measured(engine_, source_, session_options());
  if (!opened) return with_context(std::move(opened).error(), request_.model_path);
  original_ = std::move(*opened);
  outcome_.device = {os::cpu_description(), engine_.name(), engine_.version(),
                     request_.threads > 0 ? request_.threads : os::physical_cores()};
  ASSIGN_OR_RETURN(calibration_, open(request_.calibration_path));
  ASSIGN_OR_RETURN(evaluation_, open(request_.evaluation_path));
  const std::string objection = evaluation_ ? evaluation_->label_objection() : "";
  if (!objection.empty()) {
    outcome_.notes.push_back("accuracy is not measured: in the evaluation data " + objection +
                             (objection == tune::kNoClasses ? how_to_classify() : ""));
  }
  return {};
}

// What to write where labels are there and the model's card does not say classification.
std::string Run::how_to_classify() const {
  return "; if it is one, say so in " + card_name() +
         R"(: {"output": {"kind": "classification", "activation": "sigmoid"}} for the score of a yes/no )"
         R"(classifier, "softmax" for scores of classes, "none" where they are probabilities)";
}

// After this step every variant has its bytes.
Status Run::quantise() {
  if (!read_.frozen_inputs.empty()) {
    candidates_.push_back(make_candidate("freeze", "fp32", read_.model));
    candidates_.back().reference_only = true;
  }
  SampleSource* samples = calibration_.get();
  std::optional<tune::RememberedSource> remembered;
  if (calibration_ && evaluation_) samples = &remembered.emplace(*calibration_, calibrated_on_);
  CandidateRequest request{*target_, request_.precision, samples, request_.threads, {}};
  request.calibrate.batch = batch_rule();
  request.calibrate.max_samples = request_.max_calibration_samples;
  request.calibrate.cancelled = observer_.stop_requested;
  const proof::Progress shown = progress("calibrating");
  request.calibrate.progress = [shown](std::size_t done, std::size_t total) {
    proof::report(shown, static_cast<std::int64_t>(done), static_cast<std::int64_t>(total));
  };
  ASSIGN_OR_RETURN(CandidateSet set, build_candidates(model_, engine_, request));
  outcome_.calibration_samples = set.calibration_samples;
  for (const std::string& reason : set.calibration_reasons)
    outcome_.notes.push_back("calibration sample skipped: " + reason);
  if (set.calibration_skipped > set.calibration_reasons.size()) {
    outcome_.notes.push_back(std::to_string(set.calibration_skipped) + " calibration samples were skipped in all");
  }
  for (Candidate& candidate : set.candidates) candidates_.push_back(std::move(candidate));
  const bool quantised =
      std::ranges::any_of(candidates_, [](const Candidate& c) { return c.left_out.empty() && c.precision == "int8"; });
  if (quantised) outcome_.steps_completed.emplace_back("quantization");
  for (const Candidate& c : candidates_) {
    Variant& variant = outcome_.variants.emplace_back();
    variant.name = c.name;
    variant.precision = c.precision;
    variant.bytes = c.bytes.size();
    variant.weight_bytes = c.weight_bytes;
    variant.scale_bytes = c.scale_bytes;
    variant.reference_only = c.reference_only;
    variant.is_original = c.precision == "fp32" && read_.frozen_inputs.empty() && !graph_changed_;
    variant.why = c.left_out;
  }
  return {};
}

engine::SessionOptions Run::session_options() const {
  engine::SessionOptions options;
  options.threads = request_.threads;
  return options;
}

engine::ModelSource Run::source_of(std::size_t variant) const {
  const Candidate& candidate = candidates_[variant];
  const auto bytes = std::as_bytes(std::span(candidate.bytes));
  return {SharedBytes{nullptr, bytes}, "", candidate.name};  // borrowed: candidates_ stays as it is
}

Status Run::open_sessions() {
  for (std::size_t i = 0; i < candidates_.size(); ++i) {
    opened_.emplace_back();
    if (!outcome_.variants[i].why.empty()) continue;
    Result<proof::Opened> opened = proof::open_measured(engine_, source_of(i), session_options());
    if (opened) {
      opened_.back() = std::move(*opened);
    } else {
      outcome_.variants[i].why = "the engine refuses it: " + opened.error().message;
    }
  }
  return {};
}

proof::BatchRule Run::batch_rule() const {
  return proof::batch_rule_for(original_.session->inputs(), original_.session->outputs());
}

// Evaluation samples where there are any, else the calibration's, else random ones: ever weaker evidence.
Result<SampleSource*> Run::proof_source() {
  if (evaluation_) return evaluation_.get();
  outcome_.weak_evidence = true;
  if (calibration_) {
    outcome_.notes.push_back("no --evaluation: variants were judged on their own calibration samples");
    return calibration_.get();
  }
  outcome_.notes.push_back("no samples: variants were judged on random inputs, which say little about real ones");
  ASSIGN_OR_RETURN(random_,
                   proof::random_samples(original_.session->inputs(), kRandomSeed, kRandomSamples, batch_rule()));
  return random_.get();
}

Result<std::vector<NamedTensor>> Run::latency_inputs(SampleSource& source) {
  RETURN_IF_ERROR(source.rewind());
  proof::BatchRule rule = batch_rule();
  if (!rule.exact) rule.largest = 1;
  proof::SampleBatcher batcher(source, rule);
  while (true) {
    ASSIGN_OR_RETURN(std::optional<proof::Batch> batch, batcher.next());
    if (!batch) break;
    if (original_.session->run(batch->inputs)) return std::move(batch->inputs);
  }
  return proof::random_inputs(original_.session->inputs(), kRandomSeed);
}

// One score a sample is a yes or a no where the card says classification.
proof::CompareOptions Run::compare_options() const {
  proof::CompareOptions options;
  if (graph::takes_scales_from_input(read_.model)) options.batch = 1;
  options.yes_above = yes_above(outcome_.card.output);
  return options;
}

Status Run::compare(SampleSource& samples) {
  std::optional<tune::CountedSource> counted;
  if (!calibrated_on_.empty()) counted.emplace(samples, calibrated_on_);
  SampleSource& source = counted ? *counted : samples;
  RETURN_IF_ERROR(source.rewind());
  proof::CompareOptions options = compare_options();
  std::vector<engine::Session*> sessions;
  std::vector<std::size_t> variants;
  for (std::size_t i = 0; i < opened_.size(); ++i) {
    if (!opened_[i]) continue;
    sessions.push_back(opened_[i]->session.get());
    options.one_by_one.push_back(candidates_[i].one_by_one);
    variants.push_back(i);
  }
  Result<proof::Comparison> compared =
      proof::compare_outputs(*original_.session, sessions, source, options, progress("comparing"));
  if (!compared && random_ && compared.error().code != Code::kCancelled) {
    return with_context(std::move(compared).error(),
                        "the model does not run on random inputs; give real ones with --evaluation DATA.npz");
  }
  if (!compared) return std::move(compared).error();
  proof::Comparison comparison = std::move(*compared);
  for (std::size_t i = 0; i < variants.size(); ++i) {
    proof::Report report;
    report.device = outcome_.device;
    report.original = {"original", outcome_.original_bytes, original_.load_ms, original_.resident_growth_bytes};
    const proof::Opened& opened = *opened_[variants[i]];
    report.candidate = {outcome_.variants[variants[i]].name, outcome_.variants[variants[i]].bytes, opened.load_ms,
                        opened.resident_growth_bytes};
    report.agreement = std::move(comparison.candidates[i]);
    report.skipped_samples = comparison.skipped;
    // Accuracy on the samples that set the ranges would flatter the variant.
    if (!evaluation_) report.agreement.accuracy.reset();
    outcome_.variants[variants[i]].report = std::move(report);
  }
  say_evidence(comparison, counted ? counted->known() : 0);
  return {};
}

// What the variants were judged on, and how much it is worth.
void Run::say_evidence(const proof::Comparison& comparison, std::size_t known) {
  for (const std::string& error : comparison.errors) outcome_.notes.push_back("sample skipped: " + error);
  if (comparison.skipped > static_cast<std::int64_t>(comparison.errors.size())) {
    outcome_.notes.push_back(std::to_string(comparison.skipped) + " samples were skipped in all");
  }
  if (known > 0) {
    outcome_.notes.push_back(std::to_string(known) +
                             " evaluation samples are calibration samples too: what they say is flattered");
    outcome_.weak_evidence = true;
  }
  const bool has_labels = evaluation_ && evaluation_->has_labels();
  const bool judged = has_labels && std::ranges::any_of(outcome_.variants, [](const Variant& variant) {
                        return variant.report && variant.report->agreement.accuracy;
                      });
  if (has_labels && !judged)
    outcome_.notes.emplace_back("accuracy is not measured: the model's first output names no class for a sample");
  const bool unused = evaluation_ && !judged && (has_labels || !evaluation_->label_objection().empty());
  outcome_.weak_evidence |= unused;
  outcome_.evidence = std::to_string(comparison.samples) + (judged         ? " labelled samples"
                                                            : unused       ? " samples, their labels unused"
                                                            : evaluation_  ? " samples without labels"
                                                            : calibration_ ? " calibration samples"
                                                                           : " random samples");
  outcome_.weak_evidence |= comparison.samples < proof::kWeakSamples;
}

Status Run::measure(const std::vector<NamedTensor>& inputs) {
  const proof::LatencyOptions options;
  const auto opener = [this](engine::ModelSource source) -> proof::OpenSession {
    return [this, source = std::move(source)] { return engine_.open(source, session_options()); };
  };
  const proof::OpenSession original = opener(source_);
  ASSIGN_OR_RETURN(outcome_.control,
                   proof::measure_latency(original, original, inputs, options, progress("measuring the machine")));
  for (std::size_t i = 0; i < candidates_.size(); ++i) {
    Variant& variant = outcome_.variants[i];
    if (!variant.report || variant.report->agreement.failure) continue;
    variant.report->control = outcome_.control;
    if (variant.is_original) {
      variant.report->latency = *outcome_.control;
      variant.report->latency.speedup = 1;
      variant.report->latency.speedup_interval = {1, 1};
      continue;
    }
    ASSIGN_OR_RETURN(variant.report->latency, proof::measure_latency(original, opener(source_of(i)), inputs, options,
                                                                     progress("measuring " + variant.name)));
  }
  if (proof::is_too_noisy(*outcome_.control)) {
    outcome_.notes.push_back(
        "the machine wavered while the original was measured against itself: latencies are not to be trusted, run "
        "again when it is quiet");
  }
  return {};
}

// After this step every variant has its numbers, or the reason why it has none.
Status Run::prove() {
  RETURN_IF_ERROR(open_sessions());
  ASSIGN_OR_RETURN(proven_on_, proof_source());
  RETURN_IF_ERROR(compare(*proven_on_));
  ASSIGN_OR_RETURN(const std::vector<NamedTensor> inputs, latency_inputs(*proven_on_));
  opened_.clear();
  RETURN_IF_ERROR(measure(inputs));
  outcome_.steps_completed.emplace_back("validation");
  return {};
}

void Run::choose_best() {
  ChoiceRules rules;
  rules.precision = request_.precision;
  rules.max_accuracy_drop_points = request_.max_accuracy_drop_points;
  rules.never_slower = request_.never_slower.value_or(target_->never_slower);
  choose(outcome_, rules);
}

Status Run::stage_text(const std::string& path, std::string_view text) {
  const std::span<const std::byte> bytes = std::as_bytes(std::span(text));
  ASSIGN_OR_RETURN(std::unique_ptr<os::StagedFile> staged, files_.stage(path, {&bytes, 1}));
  staged_.push_back(std::move(staged));
  return {};
}

// The original is handed back byte for byte, unless it has files of weights.
Status Run::stage_model() {
  if (outcome_.chosen) return stage_text(request_.output_path, candidates_[*outcome_.chosen].bytes);
  if (read_.external_files.empty()) {
    ASSIGN_OR_RETURN(std::unique_ptr<os::StagedFile> staged,
                     files_.stage(request_.output_path, {&source_.bytes.view, 1}));
    staged_.push_back(std::move(staged));
    return {};
  }
  return stage_files(files_, read_.model, request_.output_path, staged_);
}

// What a server or device asks the model before it lets it answer. A model without such answers is handed back as well.
Status Run::stage_golden() {
  std::unique_ptr<engine::Session> chosen;
  if (outcome_.chosen) {
    ASSIGN_OR_RETURN(chosen, engine_.open(source_of(*outcome_.chosen), session_options()));
  }
  const Result<proof::Golden> golden =
      golden_answers(*proven_on_, batch_rule(), *original_.session, chosen ? *chosen : *original_.session);
  const Result<std::string> bytes = golden ? proof::write_golden(*golden) : Result<std::string>(golden.error());
  if (bytes) return stage_text(golden_path(), *bytes);
  outcome_.notes.push_back("no golden answers beside the model: " + bytes.error().message);
  // Those of a model that was there before would refuse this one.
  return files_.info(golden_path()) ? files_.remove(golden_path()) : Status();
}

// Everything lies safe beside its place before anything shows. The model shows last: who sees it finds its card and
// page already there.
Status Run::publish() {
  outcome_.optimized_model_path = request_.output_path;
  if (!outcome_.chosen && !read_.external_files.empty())
    outcome_.notes.push_back("the original's weights lay in files of their own: the output holds them anew");
  RETURN_IF_ERROR(stage_golden());
  if (!os::same_file(files_, card_path(), request_.card_path))
    RETURN_IF_ERROR(stage_text(card_path(), to_json(outcome_.card).dump(2) + "\n"));
  if (!request_.report_path.empty())
    RETURN_IF_ERROR(stage_text(request_.report_path, render_report(to_json(outcome_, true))));
  RETURN_IF_ERROR(stage_model());
  for (const auto& file : staged_) RETURN_IF_ERROR(file->commit());
  return {};
}

}  // namespace

Result<Outcome> optimize(const Request& request, engine::Engine& engine, const os::FileSystem& files,
                         const Observer& observer) {
  Run run(request, engine, files, observer);
  RETURN_IF_ERROR(run.check_request());   // nothing that can be refused costs time
  RETURN_IF_ERROR(run.convert());         // bytes -> verified graph
  RETURN_IF_ERROR(run.open_data());       // the original is open, DATA fits it
  RETURN_IF_ERROR(run.optimise_graph());  // the float graph is final
  RETURN_IF_ERROR(run.quantise());        // every variant has its bytes
  RETURN_IF_ERROR(run.prove());           // and its numbers
  run.choose_best();                      // one is handed back, or the original
  RETURN_IF_ERROR(run.publish());         // only now is anything written
  return std::move(run.outcome_);
}

}  // namespace arete::optimize
