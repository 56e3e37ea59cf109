#include "apps/bundle_reference.h"

#include <algorithm>
#include <iostream>

#include "apps/cli.h"
#include "apps/models.h"
#include "os/base/files.h"
#include "os/base/machine.h"
#include "proof/reference_run.h"
#include "tune/dataset.h"

namespace arete::apps {
namespace {

constexpr std::string_view kReferencePath = "reference.json";

Result<std::unique_ptr<tune::Dataset>> open(const std::string& path, const engine::Session& session,
                                            const std::optional<ModelCard>& card) {
  tune::DatasetOptions options;
  options.card = card.value_or(ModelCard{});
  options.inputs = session.inputs();
  options.batch = proof::batch_rule_for(session.inputs(), session.outputs());
  options.use_labels = false;
  return tune::open_dataset(os::real_file_system(), path, options);
}

// What the devices will read of the variants' tensors.
bool are_alike(const std::vector<engine::ValueInfo>& values, const std::vector<bundle::TensorInfo>& wanted) {
  return std::ranges::equal(values, wanted, [](const engine::ValueInfo& value, const bundle::TensorInfo& other) {
    return value.name == other.name && value.dtype == other.dtype;
  });
}

Result<proof::ReferenceRun> run(const ReferenceRequest& request, const std::string& predictor, engine::Session& session,
                                const bundle::Manifest& manifest) {
  ASSIGN_OR_RETURN(const std::unique_ptr<tune::Dataset> data, open(request.data, session, manifest.card));
  ProgressLine line;
  const proof::Progress progress = {
      [&](std::int64_t done, std::int64_t total) { line.show("making the drift reference", done, total); },
      os::stop_requested};
  Result<proof::ReferenceRun> made =
      proof::make_reference(session, *data, {manifest.card, predictor, request.samples}, progress);
  if (!made) return with_context(std::move(made).error(), request.data);
  return made;
}

}  // namespace

void add_reference_options(CLI::App& app, ReferenceRequest& request) {
  app.add_option(
      "--reference", request.data,
      "DATA as the model will meet it, labels are not needed: the devices watch drift against it. The answers "
      "are those of --original, else the first variant's");
  app.add_option("--reference-samples", request.samples, "so many of them at most (default 10000)")
      ->check(CLI::Range(1, 10'000'000));
}

Result<std::string> make_drift_reference(const ReferenceRequest& request, const std::string& original,
                                         engine::Engine& engine, int threads, const ModelVariant& first,
                                         bundle::Manifest& manifest) {
  if (request.data.empty()) return std::string();
  std::unique_ptr<engine::Session> opened;
  if (!original.empty()) {
    ASSIGN_OR_RETURN(proof::Opened model, open_session(engine, FoundModel{original}, threads));
    opened = std::move(model.session);
    if (!are_alike(opened->inputs(), manifest.inputs) || !are_alike(opened->outputs(), manifest.outputs))
      return Error{Code::kInvalid, "'" + original + "' has other inputs or outputs than '" + first.path +
                                       "'; a drift reference takes a model with the same"};
  }
  const std::string predictor = opened ? "original model" : "variant " + first.name;
  ASSIGN_OR_RETURN(const proof::ReferenceRun made,
                   run(request, predictor, opened ? *opened : *first.session, manifest));
  for (const std::string& reason : made.reasons) std::cerr << "arete: note: left out: " << reason << "\n";
  std::cerr << "arete: note: the drift reference has " << made.reference.samples << " samples, " << made.skipped
            << " left out; the answers are of the " << predictor << "\n";
  manifest.reference = {std::string(kReferencePath), static_cast<std::int64_t>(made.reference.samples)};
  return write_reference(made.reference);
}

}  // namespace arete::apps
