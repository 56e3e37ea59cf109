#include "apps/bundle_proof.h"

#include <algorithm>
#include <iostream>

#include "apps/models.h"
#include "os/base/files.h"
#include "proof/golden_difference.h"

namespace arete::apps {
namespace {

constexpr std::string_view kGoldenPath = "golden.npz";
constexpr std::uint64_t kSeed = 1;

proof::RunModel runner(engine::Session& session) {
  return [&session](std::span<const NamedTensor> inputs) { return session.run(inputs); };
}

// Asked for, beside the model, or made of random inputs where the original can answer them.
Result<proof::Golden> find_samples(const ProofOptions& o, const ModelVariant& first) {
  const os::FileSystem& files = os::real_file_system();
  const std::string beside = os::join_path(os::folder_of(first.path), os::stem_of(first.path) + ".golden.npz");
  const std::string path = o.golden.empty() ? beside : o.golden;
  if (o.golden.empty() && !files.info(path)) {
    if (!o.original.empty()) return proof::random_golden(first.session->inputs(), kSeed);
    return Error{Code::kNotFound,
                 "there are no golden samples: '" + path +
                     "' is not there. `arete optimize` writes it; or give --golden FILE, or --original "
                     "MODEL for random samples, or --unproven to go without a proof"};
  }
  ASSIGN_OR_RETURN(const std::string bytes, os::read_file(files, path, proof::kMaxGoldenBytes));
  Result<proof::Golden> golden =
      proof::parse_golden(std::as_bytes(std::span(bytes)), first.session->inputs(), first.session->outputs());
  if (!golden) return with_context(std::move(golden).error(), path);
  return golden;
}

Status answer_by(const std::string& path, engine::Engine& engine, int threads, proof::Golden& golden) {
  ASSIGN_OR_RETURN(const proof::Opened original, open_session(engine, FoundModel{path}, threads));
  for (proof::GoldenSample& sample : golden.samples) {
    Result<std::vector<Tensor>> outputs = original.session->run(sample.inputs);
    if (!outputs) return with_context(std::move(outputs).error(), path);
    sample.outputs.clear();
    for (std::size_t i = 0; i < outputs->size(); ++i)
      sample.outputs.push_back({original.session->outputs()[i].name, std::move((*outputs)[i])});
  }
  return {};
}

Status check_samples(const ProofOptions& o, const proof::Golden& golden) {
  if (!golden.has_outputs())
    return Error{Code::kInvalid, "the golden samples have no answers; give --original MODEL, whose answers count"};
  if (golden.samples.size() >= proof::kGoldenSamples || o.accept) return {};
  return Error{Code::kInvalid, "there are " + std::to_string(golden.samples.size()) +
                                   " golden samples; a proof takes " + std::to_string(proof::kGoldenSamples) +
                                   " (--accept takes fewer)"};
}

// How far one variant is off, and how far it may be.
Status prove_variant(const ProofOptions& o, const ModelVariant& model, const proof::Golden& golden,
                     bundle::Variant& variant) {
  Result<proof::GoldenDifference> found = proof::measure_golden(golden, runner(*model.session));
  if (!found) return with_context(std::move(found).error(), model.path);
  const std::vector<NamedTensor>& outputs = golden.samples.front().outputs;
  const Status close = proof::check_difference(*found, outputs);
  if (!close && !o.accept)
    return Error{close.error().code, model.path + ": " + close.error().message + " (--accept takes it all the same)"};
  if (!close) std::cerr << "arete: note: " << model.path << ": " << close.error().message << "; accepted\n";
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const double off = found->differences[i];
    variant.tolerances.push_back({outputs[i].name, proof::tolerance_for(off, outputs[i].tensor.dtype()), off});
  }
  variant.agreement = found->agreement;
  return {};
}

// What the file says holds for every variant; the manifest says more closely what holds for each.
void widen_tolerances(const bundle::Manifest& manifest, proof::Golden& golden) {
  golden.tolerances.assign(manifest.outputs.size(), 0);
  for (const bundle::Variant& variant : manifest.variants) {
    for (std::size_t i = 0; i < variant.tolerances.size(); ++i)
      golden.tolerances[i] = std::max(golden.tolerances[i], variant.tolerances[i].tolerance);
  }
}

}  // namespace

void add_proof_options(CLI::App& app, ProofOptions& o) {
  app.add_option("--golden", o.golden, "golden samples (default: NAME.golden.npz beside MODEL, as optimize writes it)");
  app.add_option("--original", o.original, "the float model whose answers count (default: those in the golden file)");
  app.add_flag("--accept", o.accept, "also variants that are far from the golden answers, and fewer samples");
  app.add_flag("--unproven", o.unproven, "without golden samples: the devices' gate will say so");
}

Result<std::string> prove_variants(const ProofOptions& o, engine::Engine& engine, int threads,
                                   std::vector<ModelVariant>& variants, bundle::Manifest& manifest) {
  if (o.unproven) return std::string();
  ASSIGN_OR_RETURN(proof::Golden golden, find_samples(o, variants.front()));
  if (!o.original.empty()) RETURN_IF_ERROR(answer_by(o.original, engine, threads, golden));
  RETURN_IF_ERROR(check_samples(o, golden));
  for (std::size_t i = 0; i < variants.size(); ++i)
    RETURN_IF_ERROR(prove_variant(o, variants[i], golden, manifest.variants[i]));
  widen_tolerances(manifest, golden);
  manifest.golden = {std::string(kGoldenPath), static_cast<std::int64_t>(golden.samples.size())};
  return proof::write_golden(golden);
}

}  // namespace arete::apps
