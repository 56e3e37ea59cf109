// Where models lie: a repository folder (name/version/model.onnx), and files that were named one by one. A file may be
// an .onnx or a bundle, which says its version where nothing else does.
//
// A model of the repository is found by listing folders and comparing names, never by joining what somebody asked for
// to a path; what a link leads out of the folder is not taken. So nothing outside it can be loaded.
// Threads: pure but for reading folders. Limits: kMaxModels, kMaxVersions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "os/base/files.h"

namespace arete::serve {

inline constexpr std::size_t kMaxModels = 4096;
inline constexpr std::size_t kMaxVersions = 1024;

// Where one version of a model lies.
struct ModelPlace {
  std::string name;
  std::string version;
  std::string model_path;           // an .onnx or a bundle
  std::string card_path = {};       // "": NAME.card.json beside NAME.onnx, or the bundle's
  bool has_bundle_version = false;  // `version` is what the bundle said when it was looked at
};

// Where an .onnx has them: "dir/NAME.onnx" -> "dir/NAME.card.json", "dir/NAME.golden.npz".
std::string card_path_of(const std::string& model_path);
std::string golden_path_of(const std::string& model_path);

// Names of the models in a repository: its folders, and its .onnx and .arete files without their extension. Sorted.
Result<std::vector<std::string>> list_models(const os::FileSystem& files, const std::string& repository);

// The versions of one model, oldest first. A folder of a version holds model.onnx or one other model file (.onnx,
// .arete); a model without folders of versions has one: its bundle's own, or "1".
// kNotFound, kInvalid (several model files in one folder), kUntrusted (a link leads out of the repository), what a
// bundle is refused for.
Result<std::vector<ModelPlace>> list_versions(const os::FileSystem& files, const std::string& repository,
                                              std::string_view name);

// True when version a is older than b: first numbers by value, then semantic versions by their precedence, then other
// names by their bytes.
bool is_older(std::string_view a, std::string_view b);

// "PATH", "NAME=PATH" or "NAME:VERSION=PATH" -> a place. A bare path has its stem for a name, a bundle its own; the
// version is the bundle's own, else "1". Errors of bundles begin with the path.
Result<ModelPlace> parse_place(const os::FileSystem& files, std::string_view text);

// The place with the version that its bundle has now. Others as they are.
Result<ModelPlace> looked_at_again(const os::FileSystem& files, ModelPlace place);

}  // namespace arete::serve
