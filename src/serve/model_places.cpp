#include "serve/model_places.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>

namespace arete::serve {
namespace {

constexpr std::string_view kOnlyVersion = "1";

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
  return info && info->kind == os::FileKind::kFile && os::extension_of(path) == ".onnx";
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
    return Error{Code::kInvalid, "'" + folder + "' has several .onnx files; call the model model.onnx"};
  return std::optional(os::join_path(folder, has_usual ? "model.onnx" : found.front()));
}

// The model, its card and its golden answers, whatever links lead to them.
Status check_inside(const os::FileSystem& files, const ModelPlace& place, const std::string& repository) {
  ASSIGN_OR_RETURN(const std::string folder, files.canonical(repository));
  for (const std::string& path : {place.model_path, place.own_card_path(), place.golden_path()}) {
    if (path != place.model_path && !files.info(path)) continue;
    ASSIGN_OR_RETURN(const std::string whole, files.canonical(path));
    if (whole.starts_with(folder.ends_with('/') ? folder : folder + "/")) continue;
    return Error{Code::kUntrusted, "'" + path + "' leads out of the repository"};
  }
  return {};
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
    places.push_back({name, entry, *model, ""});
  }
  ASSIGN_OR_RETURN(const std::optional<std::string> flat, model_file(files, folder));
  if (places.empty() && flat) places.push_back({name, std::string(kOnlyVersion), *flat, ""});
  return places;
}

}  // namespace

bool is_older(std::string_view a, std::string_view b) {
  const std::optional<std::uint64_t> x = as_number(a);
  const std::optional<std::uint64_t> y = as_number(b);
  if (x && y && *x != *y) return *x < *y;
  if (x.has_value() != y.has_value()) return x.has_value();
  return a < b;
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
  if (places.empty() && !is_hidden(wanted) && std::ranges::find(entries, wanted + ".onnx") != entries.end())
    places.push_back({wanted, std::string(kOnlyVersion), os::join_path(repository, wanted + ".onnx"), ""});
  if (places.empty()) return Error{Code::kNotFound, "the repository has no model '" + wanted + "'"};
  for (const ModelPlace& place : places) RETURN_IF_ERROR(check_inside(files, place, repository));
  std::ranges::sort(places, is_older, &ModelPlace::version);
  return places;
}

Result<ModelPlace> parse_place(const os::FileSystem& files, std::string_view text) {
  // A path with '=' in it is a path when it is there.
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos || files.info(std::string(text)))
    return ModelPlace{os::stem_of(text), std::string(kOnlyVersion), std::string(text), ""};
  const std::string_view label = text.substr(0, equals);
  const std::size_t colon = label.rfind(':');
  ModelPlace place{std::string(label.substr(0, colon)), std::string(kOnlyVersion), std::string(text.substr(equals + 1)),
                   ""};
  if (colon != std::string_view::npos) place.version = std::string(label.substr(colon + 1));
  if (place.name.empty() || place.version.empty() || place.model_path.empty()) {
    return Error{Code::kInvalid, "'" + std::string(text) + "' is no PATH, NAME=PATH or NAME:VERSION=PATH"};
  }
  return place;
}

}  // namespace arete::serve
