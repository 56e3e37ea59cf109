#include "serve/model_places.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <utility>

#include "bundle/files/bundle_files.h"
#include "bundle/files/open_bundle.h"
#include "bundle/semantic_version.h"

namespace arete::serve {
namespace {

constexpr std::string_view kOnlyVersion = "1";
constexpr std::array<std::string_view, 2> kModelExtensions = {".onnx", ".arete"};

std::optional<std::uint64_t> as_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool is_folder(const os::FileSystem& files, const std::string& path) {
  const Result<os::FileInfo> info = files.info(path);
  return info && info->kind == os::FileKind::kFolder;
}

bool is_model_file(const os::FileSystem& files, const std::string& path) {
  const Result<os::FileInfo> info = files.info(path);
  return info && info->kind == os::FileKind::kFile &&
         std::ranges::find(kModelExtensions, os::extension_of(path)) != kModelExtensions.end();
}

bool is_hidden(std::string_view name) { return name.empty() || name.front() == '.'; }

// The one model file of a folder; nothing when it has none.
Result<std::optional<std::string>> model_file(const os::FileSystem& files, const std::string& folder) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, files.list(folder));
  std::vector<std::string> found;
  for (const std::string& name : names) {
    if (!is_hidden(name) && is_model_file(files, os::join_path(folder, name))) found.push_back(name);
  }
  if (found.empty()) return std::optional<std::string>();
  const bool has_usual = std::ranges::find(found, "model.onnx") != found.end();
  if (found.size() > 1 && !has_usual)
    return Error{Code::kInvalid, "'" + folder + "' has several model files; call the model model.onnx"};
  return std::optional(os::join_path(folder, has_usual ? "model.onnx" : found.front()));
}

// The model, its card and its golden answers, whatever links lead to them.
Status check_inside(const os::FileSystem& files, const ModelPlace& place, const std::string& repository) {
  ASSIGN_OR_RETURN(const std::string folder, files.canonical(repository));
  for (const std::string& path : {place.model_path, card_path_of(place.model_path), golden_path_of(place.model_path)}) {
    if (path != place.model_path && !files.info(path)) continue;
    ASSIGN_OR_RETURN(const std::string whole, files.canonical(path));
    if (whole.starts_with(folder.ends_with('/') ? folder : folder + "/")) continue;
    return Error{Code::kUntrusted, "'" + path + "' leads out of the repository"};
  }
  return {};
}

// A model that has no folder of its version. `name` "": its own name. A file that is not there, or is no bundle, is
// told of when it is loaded.
Result<ModelPlace> only_version(const os::FileSystem& files, const std::string& name, const std::string& path) {
  ModelPlace place{name.empty() ? os::stem_of(path) : name, std::string(kOnlyVersion), path};
  const Result<bool> is_bundle = bundle::is_bundle(files, path);
  if (!is_bundle || !*is_bundle) return place;
  ASSIGN_OR_RETURN(const bundle::Bundle bundle, bundle::open_bundle(files, path));
  if (name.empty()) place.name = bundle.manifest().name;
  place.version = bundle.manifest().version;
  place.has_bundle_version = true;
  return place;
}

Result<std::vector<ModelPlace>> versions_in(const os::FileSystem& files, const std::string& folder,
                                            const std::string& name) {
  std::vector<ModelPlace> places;
  ASSIGN_OR_RETURN(const std::vector<std::string> entries, files.list(folder));
  for (const std::string& entry : entries) {
    const std::string path = os::join_path(folder, entry);
    if (is_hidden(entry) || !is_folder(files, path)) continue;
    ASSIGN_OR_RETURN(const std::optional<std::string> model, model_file(files, path));
    if (!model) continue;
    if (places.size() >= kMaxVersions)
      return Error{Code::kExhausted, "'" + folder + "' has more than " + std::to_string(kMaxVersions) + " versions"};
    places.push_back({name, entry, *model});
  }
  ASSIGN_OR_RETURN(const std::optional<std::string> flat, model_file(files, folder));
  if (!places.empty() || !flat) return places;
  ASSIGN_OR_RETURN(ModelPlace place, only_version(files, name, *flat));
  places.push_back(std::move(place));
  return places;
}

std::string beside(const std::string& path, std::string_view extension) {
  return os::join_path(os::folder_of(path), os::stem_of(path)) + std::string(extension);
}

}  // namespace

std::string card_path_of(const std::string& model_path) { return beside(model_path, ".card.json"); }
std::string golden_path_of(const std::string& model_path) { return beside(model_path, ".golden.npz"); }

// Equal names and numbers first: every request asks.
bool is_older(std::string_view a, std::string_view b) {
  if (a == b) return false;
  const std::optional<std::uint64_t> x = as_number(a);
  const std::optional<std::uint64_t> y = as_number(b);
  if (x && y) return *x != *y ? *x < *y : a < b;
  if (x || y) return x.has_value();
  const auto v = bundle::SemanticVersion::parse(a);
  const auto w = bundle::SemanticVersion::parse(b);
  if (v && w && (*v <=> *w) != 0) return *v < *w;
  return v.has_value() != w.has_value() ? v.has_value() : a < b;
}

Result<std::vector<std::string>> list_models(const os::FileSystem& files, const std::string& repository) {
  ASSIGN_OR_RETURN(const std::vector<std::string> entries, files.list(repository));
  std::vector<std::string> names;
  for (const std::string& entry : entries) {
    const std::string path = os::join_path(repository, entry);
    if (is_hidden(entry)) continue;
    if (is_folder(files, path)) names.push_back(entry);
    if (is_model_file(files, path)) names.push_back(os::stem_of(entry));
  }
  std::ranges::sort(names);
  names.erase(std::ranges::unique(names).begin(), names.end());
  if (names.size() > kMaxModels)
    return Error{Code::kExhausted, "'" + repository + "' has more than " + std::to_string(kMaxModels) + " models"};
  return names;
}

Result<std::vector<ModelPlace>> list_versions(const os::FileSystem& files, const std::string& repository,
                                              std::string_view name) {
  ASSIGN_OR_RETURN(const std::vector<std::string> entries, files.list(repository));
  const std::string wanted(name);
  std::vector<ModelPlace> places;
  if (!is_hidden(wanted) && std::ranges::find(entries, wanted) != entries.end() &&
      is_folder(files, os::join_path(repository, wanted))) {
    ASSIGN_OR_RETURN(places, versions_in(files, os::join_path(repository, wanted), wanted));
  }
  for (const std::string_view extension : kModelExtensions) {
    const std::string file = wanted + std::string(extension);
    if (!places.empty() || is_hidden(wanted) || std::ranges::find(entries, file) == entries.end()) continue;
    ASSIGN_OR_RETURN(ModelPlace place, only_version(files, wanted, os::join_path(repository, file)));
    places.push_back(std::move(place));
  }
  if (places.empty()) return Error{Code::kNotFound, "the repository has no model '" + wanted + "'"};
  for (const ModelPlace& place : places) RETURN_IF_ERROR(check_inside(files, place, repository));
  std::ranges::sort(places, is_older, &ModelPlace::version);
  return places;
}

Result<ModelPlace> parse_place(const os::FileSystem& files, std::string_view text) {
  // A path with '=' in it is a path when it is there.
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos || files.info(std::string(text)))
    return only_version(files, "", std::string(text));
  const std::string_view label = text.substr(0, equals);
  const std::size_t colon = label.rfind(':');
  const bool has_version = colon != std::string_view::npos;
  ModelPlace place{std::string(label.substr(0, colon)),
                   std::string(has_version ? label.substr(colon + 1) : kOnlyVersion),
                   std::string(text.substr(equals + 1))};
  if (place.name.empty() || place.version.empty() || place.model_path.empty()) {
    return Error{Code::kInvalid, "'" + std::string(text) + "' is no PATH, NAME=PATH or NAME:VERSION=PATH"};
  }
  return has_version ? place : only_version(files, place.name, place.model_path);
}

Result<ModelPlace> looked_at_again(const os::FileSystem& files, ModelPlace place) {
  if (!place.has_bundle_version) return place;
  ASSIGN_OR_RETURN(const bundle::Bundle bundle, bundle::open_bundle(files, place.model_path));
  place.version = bundle.manifest().version;
  return place;
}

}  // namespace arete::serve
