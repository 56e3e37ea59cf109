#include "serve/place_files.h"

#include "bundle/choose_variant.h"
#include "core/json.h"
#include "os/base/machine.h"

namespace arete::serve {
namespace {

constexpr std::uint64_t kMaxCardBytes = std::uint64_t{64} << 20;

// Read, not mapped: a file that is shortened while it is mapped ends the process, and here others are served.
Result<engine::ModelSource> read_model(const os::FileSystem& files, const std::string& path) {
  Result<std::string> bytes = os::read_file(files, path, engine::kMaxModelFileBytes);
  if (!bytes && bytes.error().code == Code::kExhausted)
    return Error{Code::kExhausted, "'" + path + "' is over 2 GiB; save its weights as external data"};
  if (!bytes) return std::move(bytes).error();
  engine::ModelSource source = engine::ModelSource::from_bytes(std::move(*bytes), path);
  source.folder = os::folder_of(path);
  return source;
}

Status check_version(const ModelPlace& place, const bundle::Manifest& manifest) {
  if (!place.has_bundle_version || manifest.version == place.version) return {};
  return Error{Code::kConflict,
               place.model_path + ": it is version " + manifest.version + " by now, no longer " + place.version};
}

}  // namespace

Result<PlaceFiles> PlaceFiles::open(const os::FileSystem& files, const ModelPlace& place, const VariantChoice& choice) {
  PlaceFiles opened(files);
  opened.card_path_ = place.card_path;
  opened.model_path_ = place.model_path;
  ASSIGN_OR_RETURN(const bool is_bundle, bundle::is_bundle(files, place.model_path));
  if (!is_bundle) return opened;
  const bundle::KeyFiles keys = choice.keys != nullptr ? *choice.keys : bundle::KeyFiles();
  ASSIGN_OR_RETURN(bundle::Bundle bundle, bundle::open_bundle(files, place.model_path, keys));
  RETURN_IF_ERROR(check_version(place, bundle.manifest()));
  auto inside = std::make_unique<const bundle::BundleFiles>(std::move(bundle), place.model_path);
  const std::string platform = os::platform();
  const auto variant = bundle::choose_variant(inside->manifest(), {platform, {&choice.engine, 1}, choice.name});
  if (!variant) return with_context(variant.error(), place.model_path);
  opened.model_path_ = inside->model_path(**variant);
  opened.bundle_ = std::move(inside);
  return opened;
}

Result<std::optional<ModelCard>> PlaceFiles::card() const {
  const bool is_named = !card_path_.empty();
  const os::FileSystem& where = is_named ? *outside_ : files();
  const std::string path = is_named ? card_path_ : card_path_of(model_path_);
  if (!is_named && !where.info(path)) return std::optional<ModelCard>();
  ASSIGN_OR_RETURN(const std::string text, os::read_file(where, path, kMaxCardBytes));
  const Result<Json> json = Json::parse(text);
  if (!json) return with_context(json.error(), path);
  Result<ModelCard> card = parse_card(*json);
  if (!card) return with_context(std::move(card).error(), path);
  return std::optional<ModelCard>(std::move(*card));
}

Result<engine::ModelSource> PlaceFiles::model() const {
  return bundle_ != nullptr ? engine::ModelSource::from_files(*bundle_, model_path_)
                            : read_model(*outside_, model_path_);
}

Result<std::optional<proof::Golden>> PlaceFiles::golden(std::span<const engine::ValueInfo> inputs,
                                                        std::span<const engine::ValueInfo> outputs) const {
  const std::string path = golden_path();
  if (!files().info(path)) return std::optional<proof::Golden>();
  ASSIGN_OR_RETURN(const std::string bytes, os::read_file(files(), path, proof::kMaxGoldenBytes));
  Result<proof::Golden> golden = proof::parse_golden(std::as_bytes(std::span(bytes)), inputs, outputs);
  if (!golden) return with_context(std::move(golden).error(), path);
  return std::optional<proof::Golden>(std::move(*golden));
}

Result<std::uint64_t> PlaceFiles::model_bytes() const {
  ASSIGN_OR_RETURN(const os::FileInfo info, files().info(model_path_));
  return info.size_bytes;
}

}  // namespace arete::serve
