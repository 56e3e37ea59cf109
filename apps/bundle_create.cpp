// `arete bundle create`: a model's variants, measured against the golden answers, become one file.
#include <algorithm>
#include <iostream>
#include <memory>

#include "apps/bundle_describe.h"
#include "apps/bundle_evaluation.h"
#include "apps/bundle_proof.h"
#include "apps/bundle_reference.h"
#include "apps/bundle_variants.h"
#include "apps/bundle_verbs.h"
#include "apps/bundles.h"
#include "apps/cli.h"
#include "apps/engines.h"
#include "bundle/cut.h"

namespace arete::apps {
namespace {

struct Options {
  std::string model, output, target = "any";
  std::vector<std::string> variants;
  DescribeOptions description;
  ProofOptions proof;
  EvaluationOptions evaluation;
  ReferenceRequest reference;
  EngineChoice engine;
  bool json = false;
};

void add_options(CLI::App& app, Options& o) {
  app.add_option("MODEL", o.model, "the model's first variant, an .onnx file")->required();
  app.add_option("-o,--output", o.output, "the bundle, NAME-VERSION.arete say")->required();
  app.add_option("--target", o.target, "the platform of MODEL: any, or x86_64-linux, aarch64-linux, ...");
  app.add_option("--variant", o.variants, "a further variant: NAME=FILE.onnx or NAME@TARGET=FILE.onnx")->take_all();
  add_describe_options(app, o.description);
  add_proof_options(app, o.proof);
  add_evaluation_options(app, o.evaluation);
  add_reference_options(app, o.reference);
  add_engine_options(app, o.engine);
  add_json_option(app, o.json);
}

Result<std::vector<ModelVariant>> read_variants(const Options& o, engine::Engine& engine) {
  std::vector<ModelVariant> variants;
  variants.push_back({.name = "main", .target = o.target, .path = o.model});
  for (const std::string& argument : o.variants) {
    ASSIGN_OR_RETURN(ModelVariant variant, parse_variant(argument));
    variants.push_back(std::move(variant));
  }
  for (ModelVariant& variant : variants) RETURN_IF_ERROR(read_variant(variant, engine, o.engine.threads));
  RETURN_IF_ERROR(check_alike(variants));
  return variants;
}

// What the draft borrows from: the models' mapped files and the other files' bytes.
struct Material {
  std::vector<ModelVariant> variants;
  std::string golden;
  std::string evaluation;
  std::string reference;
};

void add_archive(const std::optional<bundle::SampleFile>& file, const std::string& content,
                 std::vector<bundle::FileDraft>& files) {
  const std::span<const std::byte> bytes = std::as_bytes(std::span(content));
  if (file) files.push_back({file->path, bundle::cut_at(bytes, bundle::marks_of_archive(bytes))});
}

Result<bundle::Draft> draft(const Options& o, Material& material) {
  ASSIGN_OR_RETURN(const std::unique_ptr<engine::Engine> engine, make_engine(o.engine));
  ASSIGN_OR_RETURN(material.variants, read_variants(o, *engine));
  ASSIGN_OR_RETURN(bundle::Manifest manifest, describe(o.description, o.engine.name, material.variants));
  ASSIGN_OR_RETURN(material.golden, prove_variants(o.proof, *engine, o.engine.threads, material.variants, manifest));
  ASSIGN_OR_RETURN(material.evaluation, evaluate_variants(o.evaluation, engine->name() + " " + engine->version(),
                                                          material.variants, manifest));
  ASSIGN_OR_RETURN(material.reference, make_drift_reference(o.reference, o.proof.original, *engine, o.engine.threads,
                                                            material.variants.front(), manifest));
  std::vector<bundle::FileDraft> files;
  for (ModelVariant& variant : material.variants) std::ranges::move(variant.files, std::back_inserter(files));
  add_archive(manifest.golden, material.golden, files);
  add_archive(manifest.evaluation, material.evaluation, files);
  if (manifest.reference) files.push_back({manifest.reference->path, {{std::as_bytes(std::span(material.reference))}}});
  for (ModelVariant& variant : material.variants) variant.session.reset();  // packing needs no engine
  return bundle::Draft::make(std::move(manifest), files);
}

int run(const Options& o) {
  Material material;
  Result<bundle::Draft> made = draft(o, material);
  if (!made) return fail(made.error());
  const Result<std::uint64_t> bytes = write_file(
      o.output, "packing",
      [&](const bundle::Sink& sink, const bundle::Progress& told) { return bundle::write_bundle(*made, sink, told); });
  if (!bytes) return fail(bytes.error());
  const bundle::Manifest& manifest = made->manifest();
  if (o.json) {
    print_json(Json::object({{"path", o.output},
                             {"name", manifest.name},
                             {"version", manifest.version},
                             {"manifest_sha256", manifest_digest(*made).hex()},
                             {"bytes", *bytes},
                             {"unpacked_bytes", file_bytes(manifest)},
                             {"blobs", static_cast<std::uint64_t>(manifest.blobs.size())},
                             {"proven", manifest.golden.has_value()},
                             {"reference_samples", manifest.reference ? manifest.reference->samples : 0}}));
  } else {
    std::cout << o.output << ": " << manifest.name << " " << manifest.version << ", " << *bytes << " bytes for "
              << file_bytes(manifest) << " unpacked, " << manifest.blobs.size() << " blobs"
              << (manifest.golden ? "" : "; unproven") << "\n";
  }
  return kDone;
}

}  // namespace

Subverb add_bundle_create(CLI::App& bundle) {
  const auto o = std::make_shared<Options>();
  CLI::App* const app = bundle.add_subcommand("create", "a model's variants, measured and packed into one file");
  add_options(*app, *o);
  return {app, [o] { return run(*o); }};
}

}  // namespace arete::apps
