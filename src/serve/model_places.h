// Where models lie: a repository folder (name/version/model.onnx), and files that were named one by one.
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
#include "serve/served_model.h"

namespace arete::serve {

inline constexpr std::size_t kMaxModels = 4096;
inline constexpr std::size_t kMaxVersions = 1024;

// Names of the models in a repository: its folders, and its .onnx files without their extension. Sorted.
Result<std::vector<std::string>> list_models(const os::FileSystem& files, const std::string& repository);

// The versions of one model, oldest first: numbers by value, then other names by their bytes. A folder of a version
// holds model.onnx or one other .onnx file; a model without folders of versions has one, "1".
// kNotFound, kInvalid (several .onnx files in one folder), kUntrusted (a link leads out of the repository).
Result<std::vector<ModelPlace>> list_versions(const os::FileSystem& files, const std::string& repository,
                                              std::string_view name);

// True when version a is older than b.
bool is_older(std::string_view a, std::string_view b);

// "PATH", "NAME=PATH" or "NAME:VERSION=PATH" -> a place; the name of a bare path is its stem, the version "1".
Result<ModelPlace> parse_place(const os::FileSystem& files, std::string_view text);

}  // namespace arete::serve
