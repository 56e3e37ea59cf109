// `arete bundle show` and `diff`: what a bundle says of itself, and what changed from one to another.
#include <array>
#include <iomanip>
#include <iostream>
#include <memory>

#include "apps/bundle_verbs.h"
#include "apps/bundles.h"
#include "apps/cli.h"
#include "bundle/difference.h"
#include "os/base/files.h"

namespace arete::apps {
namespace {

struct Options {
  std::string bundle;
  std::string newer;
  bool json = false;
};

std::string size_text(std::uint64_t bytes) {
  if (bytes < 10'000) return std::to_string(bytes) + " B";
  if (bytes < 9'999'500) return std::to_string((bytes + 500) / 1000) + " kB";
  return std::to_string((bytes + 500'000) / 1'000'000) + " MB";
}

std::string tensors_text(const std::vector<bundle::TensorInfo>& tensors) {
  std::string text;
  for (const bundle::TensorInfo& tensor : tensors) {
    text += (text.empty() ? "" : ", ") + tensor.name + " " + std::string(name_of(tensor.dtype)) + "[";
    for (std::size_t i = 0; i < tensor.shape.size(); ++i)
      text += (i == 0 ? "" : ",") + (tensor.shape[i] < 0 ? std::string("?") : std::to_string(tensor.shape[i]));
    text += "]";
  }
  return text;
}

void print_variant(const bundle::Manifest& manifest, const bundle::Variant& variant) {
  const std::uint64_t bytes = find_file(manifest, variant.model)->bytes;
  std::cout << "  " << std::left << std::setw(12) << variant.name << std::setw(16) << variant.target << std::setw(14)
            << variant.engine << std::setw(10) << size_text(bytes) << variant.model << "\n";
  for (const bundle::OutputTolerance& row : variant.tolerances) {
    std::cout << "              output " << row.output << " may be off by " << row.tolerance
              << " of its largest value; it was off by " << row.difference << "\n";
  }
  if (variant.agreement)
    std::cout << "              same top-1 on " << *variant.agreement * 100 << " % of the golden samples\n";
}

int show(const Options& o) {
  const Result<bundle::Bundle> opened = bundle::open_bundle(os::real_file_system(), o.bundle);
  if (!opened) return fail(opened.error());
  const bundle::Manifest& manifest = opened->manifest();
  if (o.json) {
    Result<Json> json = Json::parse(opened->manifest_text());
    if (!json) return fail(json.error());
    json->set("manifest_sha256", manifest_digest(*opened).hex());
    json->set("stored_bytes", opened->stored_bytes());
    json->set("sealed", opened->is_sealed());
    print_json(*json);
    return kDone;
  }
  std::cout << manifest.name << " " << manifest.version << ", release " << manifest.release << "\n"
            << "manifest   sha256 " << manifest_digest(*opened).hex() << "\n"
            << "inputs     " << tensors_text(manifest.inputs) << "\noutputs    " << tensors_text(manifest.outputs)
            << "\n"
            << "size       " << size_text(opened->stored_bytes()) << " in " << manifest.blobs.size() << " blobs, "
            << size_text(file_bytes(manifest)) << " in " << manifest.files.size() << " files\n"
            << "proof      "
            << (manifest.golden ? std::to_string(manifest.golden->samples) + " golden samples" : "none: unproven")
            << "\n";
  if (opened->is_sealed()) std::cout << "sealed     only who was granted its key can read it\n";
  if (!manifest.minimum_agent.empty()) std::cout << "agent      " << manifest.minimum_agent << " or newer\n";
  if (manifest.evaluation) std::cout << "evaluation " << manifest.evaluation->samples << " samples with labels\n";
  if (manifest.reference) std::cout << "drift      against " << manifest.reference->samples << " reference samples\n";
  for (const bundle::Claim& claim : manifest.claims)
    std::cout << "claim      " << claim.what << ": " << claim.value << " " << claim.unit << " (" << claim.how << ")\n";
  std::cout << "\n";
  for (const bundle::Variant& variant : manifest.variants) print_variant(manifest, variant);
  if (!manifest.changelog.empty()) std::cout << "\n" << manifest.changelog << "\n";
  return kDone;
}

constexpr std::array<std::string_view, 3> kKinds = {"added", "removed", "changed"};

std::string_view name_of_kind(bundle::FileDifference::Kind kind) { return kKinds[static_cast<std::size_t>(kind)]; }

Json difference_json(const bundle::Difference& found) {
  Json fields = Json::array();
  for (const std::string& field : found.fields) fields.push_back(field);
  Json files = Json::array();
  for (const bundle::FileDifference& file : found.files) {
    Json tensors = Json::array();
    for (const std::string& tensor : file.tensors) tensors.push_back(tensor);
    files.push_back(Json::object({{"path", file.path},
                                  {"change", name_of_kind(file.kind)},
                                  {"bytes", file.bytes},
                                  {"changed_bytes", file.changed_bytes},
                                  {"tensors", std::move(tensors)}}));
  }
  return Json::object({{"fields", std::move(fields)},
                       {"files", std::move(files)},
                       {"new_blobs", found.new_blobs},
                       {"new_bytes", found.new_bytes}});
}

int diff(const Options& o) {
  const Result<bundle::Bundle> older = bundle::open_bundle(os::real_file_system(), o.bundle);
  if (!older) return fail(older.error());
  const Result<bundle::Bundle> newer = bundle::open_bundle(os::real_file_system(), o.newer);
  if (!newer) return fail(newer.error());
  const Result<bundle::Difference> found = bundle::difference(older->manifest_text(), newer->manifest_text());
  if (!found) return fail(found.error());
  if (o.json) {
    print_json(difference_json(*found));
    return kDone;
  }
  for (const std::string& field : found->fields) std::cout << "field     " << field << "\n";
  for (const bundle::FileDifference& file : found->files) {
    std::cout << std::left << std::setw(10) << name_of_kind(file.kind) << file.path << ": "
              << size_text(file.changed_bytes) << " of " << size_text(file.bytes) << " are new\n";
    for (const std::string& tensor : file.tensors) std::cout << "            " << tensor << "\n";
  }
  std::cout << found->new_blobs << " new blobs, " << size_text(found->new_bytes) << "\n";
  return kDone;
}

}  // namespace

Subverb add_bundle_show(CLI::App& bundle) {
  const auto o = std::make_shared<Options>();
  CLI::App* const app = bundle.add_subcommand("show", "what a bundle says of itself");
  app->add_option("BUNDLE", o->bundle, "the bundle")->required();
  app->add_flag("--json", o->json, "the manifest, on the last line");
  return {app, [o] { return show(*o); }};
}

Subverb add_bundle_diff(CLI::App& bundle) {
  const auto o = std::make_shared<Options>();
  CLI::App* const app = bundle.add_subcommand("diff", "what changed from one bundle to another");
  app->add_option("OLDER", o->bundle, "the older bundle")->required();
  app->add_option("NEWER", o->newer, "the newer one")->required();
  add_json_option(*app, o->json);
  return {app, [o] { return diff(*o); }};
}

}  // namespace arete::apps
