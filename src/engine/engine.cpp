#include "engine/engine.h"

#include <algorithm>
#include <map>

#include "core/external_location.h"
#include "engine/onnx_scan.h"
#include "os/base/machine.h"

namespace arete::engine {
namespace {

const NamedTensor* find(std::span<const NamedTensor> given, const std::string& name) {
  const auto found = std::ranges::find(given, name, &NamedTensor::name);
  return found == given.end() ? nullptr : &*found;
}

bool fits(const ValueInfo& wanted, const Tensor& got) {
  if (wanted.dtype != got.dtype()) return false;
  if (!wanted.known_shape) return true;
  if (wanted.shape.size() != got.shape().size()) return false;
  for (std::size_t i = 0; i < wanted.shape.size(); ++i) {
    if (wanted.shape[i] != -1 && wanted.shape[i] != got.shape()[i]) return false;
  }
  return true;
}

std::string names_of(std::span<const ValueInfo> infos) {
  std::string text;
  for (const ValueInfo& info : infos) text += (text.empty() ? "'" : ", '") + info.name + "'";
  return text.empty() ? "none" : text;
}

Error over_two_gib(const std::string& path) {
  return {Code::kExhausted, "'" + path + "' is over 2 GiB; save its weights as external data"};
}

}  // namespace

Result<ModelSource> ModelSource::from_file(const os::FileSystem& files, const std::string& path) {
  ASSIGN_OR_RETURN(SharedBytes bytes, files.map(path));
  if (bytes.view.size() > kMaxModelFileBytes) return over_two_gib(path);
  return ModelSource{std::move(bytes), os::folder_of(path), path};
}

Result<ModelSource> ModelSource::from_files(const os::FileSystem& files, const std::string& path) {
  // Before it is mapped, which here may take as much memory.
  ASSIGN_OR_RETURN(const os::FileInfo info, files.info(path));
  if (info.size_bytes > kMaxModelFileBytes) return over_two_gib(path);
  ModelSource source;
  source.name = path;
  ASSIGN_OR_RETURN(source.bytes, files.map(path));
  const Result<OnnxScan> scan = scan_onnx(source.bytes.view);
  if (!scan) return with_context(scan.error(), path);
  for (const std::string& location : scan->external_files) {
    if (const Status inside = check_external_location(location); !inside) return with_context(inside.error(), path);
    Result<SharedBytes> bytes = files.map(os::join_path(os::folder_of(path), location));
    if (!bytes) return with_context(std::move(bytes).error(), path);
    source.external.emplace(location, std::move(*bytes));
  }
  return source;
}

ModelSource ModelSource::from_bytes(std::string bytes, std::string name) {
  return {share_bytes(std::move(bytes)), "", std::move(name)};
}

std::uint64_t ModelSource::size_bytes() const {
  std::uint64_t bytes_in_all = bytes.view.size();
  for (const auto& [location, data] : external) bytes_in_all += data.view.size();
  return bytes_in_all;
}

std::uint64_t Engine::resident_bytes() const { return os::resident_bytes(); }

Status check_inputs(std::span<const ValueInfo> wanted, std::span<const NamedTensor> given) {
  for (const ValueInfo& info : wanted) {
    const NamedTensor* tensor = find(given, info.name);
    if (tensor == nullptr) {
      return Error{Code::kInvalid, "input '" + info.name + "' (" + describe(info) + ") is missing"};
    }
    if (!fits(info, tensor->tensor)) {
      return Error{Code::kInvalid,
                   "input '" + info.name + "' wants " + describe(info) + ", got " + arete::describe(tensor->tensor)};
    }
  }
  for (const NamedTensor& tensor : given) {
    if (std::ranges::find(wanted, tensor.name, &ValueInfo::name) == wanted.end()) {
      return Error{Code::kInvalid, "the model has no input '" + tensor.name + "'; it has " + names_of(wanted)};
    }
  }
  if (given.size() != wanted.size()) return Error{Code::kInvalid, "an input stands twice"};
  return {};
}

std::string describe(const ValueInfo& info) {
  std::string text(name_of(info.dtype));
  if (!info.known_shape) return text + "[...]";
  text += "[";
  for (std::size_t i = 0; i < info.shape.size(); ++i) {
    const bool is_named = info.shape[i] == -1 && i < info.axes.size() && !info.axes[i].empty();
    text += i > 0 ? "," : "";
    text += is_named ? info.axes[i] : info.shape[i] == -1 ? "?" : std::to_string(info.shape[i]);
  }
  return text + "]";
}

std::string axis_conflict(std::span<const ValueInfo> wanted, std::span<const NamedTensor> given) {
  std::map<std::string, std::pair<std::int64_t, std::string>> sizes;  // of an axis, and the input that has it first
  for (const ValueInfo& info : wanted) {
    const NamedTensor* const tensor = find(given, info.name);
    if (tensor == nullptr) continue;
    const Shape& shape = tensor->tensor.shape();
    for (std::size_t i = 0; i < std::min(shape.size(), info.axes.size()); ++i) {
      if (info.axes[i].empty()) continue;
      const auto [at, is_new] = sizes.try_emplace(info.axes[i], shape[i], info.name);
      const auto& [size, name] = at->second;
      if (size == shape[i]) continue;
      return "axis " + info.axes[i] + " is " + std::to_string(size) + " in '" + name + "' and " +
             std::to_string(shape[i]) + " in '" + info.name + "'";
    }
  }
  return "";
}

}  // namespace arete::engine
