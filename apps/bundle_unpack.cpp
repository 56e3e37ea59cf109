// `arete bundle verify` and `extract`: every byte checked; the files as they were published.
#include <iostream>
#include <memory>

#include "apps/bundle_verbs.h"
#include "apps/bundles.h"
#include "apps/cli.h"
#include "os/base/files.h"

namespace arete::apps {
namespace {

struct Options {
  std::string bundle;
  std::string folder;
  bundle::KeyFiles keys;
  bool plaintext = false;
  bool json = false;
};

int verify(const Options& o) {
  Result<bundle::Bundle> opened = bundle::open_bundle(os::real_file_system(), o.bundle, o.keys);
  if (!opened) return fail(opened.error());
  ProgressLine progress;
  const Status good = bundle::verify(*opened, told_on(progress, "verifying"));
  progress.clear();
  if (!good) return fail(with_context(good.error(), o.bundle));
  const bundle::Manifest& manifest = opened->manifest();
  if (o.json) {
    print_json(Json::object({{"name", manifest.name},
                             {"version", manifest.version},
                             {"manifest_sha256", manifest_digest(*opened).hex()},
                             {"blobs", static_cast<std::uint64_t>(manifest.blobs.size())},
                             {"stored_bytes", opened->stored_bytes()}}));
  } else {
    std::cout << manifest.name << " " << manifest.version << ": all " << manifest.blobs.size()
              << " blobs have the bytes that the manifest says; its SHA-256 is " << manifest_digest(*opened).hex()
              << "\n";
  }
  return kDone;
}

using Staged = std::vector<std::unique_ptr<os::StagedFile>>;

Status stage_text(const std::string& path, std::string_view text, Staged& staged) {
  const std::span<const std::byte> bytes = std::as_bytes(std::span(text));
  ASSIGN_OR_RETURN(std::unique_ptr<os::StagedFile> file, os::real_file_system().stage(path, {&bytes, 1}));
  staged.push_back(std::move(file));
  return {};
}

Status stage_file(bundle::Bundle& bundle, const bundle::BundleFile& file, const std::string& path, Staged& staged) {
  const os::FileSystem& files = os::real_file_system();
  RETURN_IF_ERROR(files.make_folders(os::folder_of(path)));
  ASSIGN_OR_RETURN(std::unique_ptr<os::StagedFile> written, files.stage_written(path, [&](const os::Append& append) {
    return read_file(bundle, file, append);
  }));
  staged.push_back(std::move(written));
  return {};
}

// Beside each variant's model its card and its golden answers, where `arete serve` looks for them.
Status stage_beside(bundle::Bundle& bundle, const std::string& folder, Staged& staged) {
  const bundle::Manifest& manifest = bundle.manifest();
  for (const bundle::Variant& variant : manifest.variants) {
    const std::string model = os::join_path(folder, variant.model);
    const std::string beside = os::join_path(os::folder_of(model), os::stem_of(model));
    if (manifest.card)
      RETURN_IF_ERROR(stage_text(beside + ".card.json", to_json(*manifest.card).dump(2) + "\n", staged));
    if (!manifest.golden) continue;
    RETURN_IF_ERROR(stage_file(bundle, *find_file(manifest, manifest.golden->path), beside + ".golden.npz", staged));
  }
  return {};
}

// All or nothing: a file takes its place when every one is there and checked.
Status extract_all(bundle::Bundle& bundle, const std::string& folder) {
  Staged staged;
  RETURN_IF_ERROR(os::real_file_system().make_folders(folder));
  for (const bundle::BundleFile& file : bundle.manifest().files)
    RETURN_IF_ERROR(stage_file(bundle, file, os::join_path(folder, file.path), staged));
  RETURN_IF_ERROR(stage_beside(bundle, folder, staged));
  RETURN_IF_ERROR(stage_text(os::join_path(folder, "manifest.json"), bundle.manifest_text(), staged));
  for (const auto& file : staged) RETURN_IF_ERROR(file->commit());
  return {};
}

int extract(const Options& o) {
  Result<bundle::Bundle> opened = bundle::open_bundle(os::real_file_system(), o.bundle, o.keys);
  if (!opened) return fail(opened.error());
  if (opened->is_sealed() && !o.plaintext) {
    return fail({Code::kInvalid, o.bundle + " is sealed, and its files would lie open on the disk; say --plaintext if "
                                            "that is what you want"});
  }
  if (const Status done = extract_all(*opened, o.folder); !done) return fail(with_context(done.error(), o.bundle));
  const bundle::Manifest& manifest = opened->manifest();
  if (o.json) {
    Json paths = Json::array();
    for (const bundle::BundleFile& file : manifest.files) paths.push_back(os::join_path(o.folder, file.path));
    print_json(Json::object({{"folder", o.folder}, {"files", std::move(paths)}}));
    return kDone;
  }
  std::cout << manifest.files.size() << " files of " << manifest.name << " " << manifest.version << " in " << o.folder
            << "\n\n  arete serve " << os::join_path(o.folder, manifest.variants.front().model) << "\n";
  return kDone;
}

}  // namespace

Subverb add_bundle_verify(CLI::App& bundle) {
  const auto o = std::make_shared<Options>();
  CLI::App* const app = bundle.add_subcommand("verify", "check every byte against the manifest");
  app->add_option("BUNDLE", o->bundle, "the bundle")->required();
  add_key_options(*app, o->keys);
  add_json_option(*app, o->json);
  return {app, [o] { return verify(*o); }};
}

Subverb add_bundle_extract(CLI::App& bundle) {
  const auto o = std::make_shared<Options>();
  CLI::App* const app = bundle.add_subcommand("extract", "write the files as they were published");
  app->add_option("BUNDLE", o->bundle, "the bundle")->required();
  app->add_option("-o,--output", o->folder, "the folder; it is made where it is not there")->required();
  add_key_options(*app, o->keys);
  app->add_flag("--plaintext", o->plaintext, "write a sealed bundle's files as they are, for everybody to read");
  add_json_option(*app, o->json);
  return {app, [o] { return extract(*o); }};
}

}  // namespace arete::apps
