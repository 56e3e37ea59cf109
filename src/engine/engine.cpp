#include "engine/engine.h"

#include <algorithm>

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

}  // namespace

Result<ModelSource> ModelSource::from_file(const os::FileSystem& files, const std::string& path) {
  ASSIGN_OR_RETURN(SharedBytes bytes, files.map(path));
  if (bytes.view.size() > kMaxModelFileBytes) {
    return Error{Code::kExhausted, "'" + path + "' is over 2 GiB; save its weights as external data"};
  }
  return ModelSource{std::move(bytes), os::folder_of(path), path};
}

ModelSource ModelSource::from_bytes(std::string bytes, std::string name) {
  return {share_bytes(std::move(bytes)), "", std::move(name)};
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
  return std::string(name_of(info.dtype)) + (info.known_shape ? to_string(info.shape) : std::string("[...]"));
}

}  // namespace arete::engine
