#include "apps/bundle_variants.h"

#include <algorithm>

#include "apps/models.h"
#include "bundle/cut.h"
#include "graph/weight_places.h"
#include "os/base/files.h"
#include "os/base/machine.h"

namespace arete::apps {
namespace {

std::vector<bundle::Mark> marks_of(const std::vector<graph::WeightPlace>& places) {
  std::vector<bundle::Mark> marks;
  for (const graph::WeightPlace& place : places) marks.push_back({place.offset, place.bytes, place.name});
  return marks;
}

Status add_file(ModelVariant& variant, const std::string& path, const std::string& place,
                const std::vector<graph::WeightPlace>& weights) {
  ASSIGN_OR_RETURN(SharedBytes bytes, os::real_file_system().map(path));
  variant.files.push_back({place, bundle::cut_at(bytes.view, marks_of(weights))});
  variant.held.push_back(std::move(bytes));
  return {};
}

Status add_files(ModelVariant& variant) {
  ASSIGN_OR_RETURN(const SharedBytes model, os::real_file_system().map(variant.path));
  ASSIGN_OR_RETURN(const graph::WeightPlaces places, graph::find_weights(model.view));
  variant.model = variant.name + "/" + os::stem_of(variant.path) + ".onnx";
  RETURN_IF_ERROR(add_file(variant, variant.path, variant.model, places.model));
  for (const auto& [location, weights] : places.beside) {
    const std::string path = os::join_path(os::folder_of(variant.path), location);
    RETURN_IF_ERROR(add_file(variant, path, variant.name + "/" + location, weights));
  }
  return {};
}

bool same_values(const std::vector<engine::ValueInfo>& a, const std::vector<engine::ValueInfo>& b) {
  return std::ranges::equal(a, b, [](const engine::ValueInfo& x, const engine::ValueInfo& y) {
    return x.name == y.name && x.dtype == y.dtype && x.shape == y.shape;
  });
}

std::string list_of(const std::vector<engine::ValueInfo>& values) {
  std::string text;
  for (const engine::ValueInfo& value : values)
    text += (text.empty() ? "'" : ", '") + value.name + "' " + engine::describe(value);
  return text;
}

Error differs(const ModelVariant& variant, const ModelVariant& first, const std::string& role,
              const std::vector<engine::ValueInfo>& own, const std::vector<engine::ValueInfo>& wanted) {
  return {Code::kInvalid, "'" + variant.path + "' has the " + role + "s " + list_of(own) + ", '" + first.path +
                              "' has " + list_of(wanted) + "; the variants of one bundle must be alike"};
}

// A platform as `arete bundle create --target` takes it; devices compare it with their own.
Status check_target(const std::string& target) {
  const auto is_word = [](std::string_view word) {
    return !word.empty() && std::ranges::all_of(word, [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    });
  };
  const std::size_t dash = target.find('-');
  const bool is_platform =
      dash != std::string::npos && is_word(target.substr(0, dash)) && is_word(target.substr(dash + 1));
  if (target == "any" || is_platform) return {};
  return Error{Code::kInvalid,
               "'" + target + "' is no platform; write any, or one like " + os::platform() + " or aarch64-linux"};
}

}  // namespace

Result<ModelVariant> parse_variant(const std::string& argument) {
  const std::size_t equals = argument.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == argument.size())
    return Error{Code::kInvalid,
                 "'" + argument + "' is no variant of a model; write NAME=FILE.onnx or NAME@TARGET=FILE.onnx"};
  ModelVariant variant;
  variant.name = argument.substr(0, equals);
  variant.path = argument.substr(equals + 1);
  const std::size_t at = variant.name.find('@');
  if (at == std::string::npos) return variant;
  variant.target = variant.name.substr(at + 1);
  variant.name.resize(at);
  return variant;
}

Status read_variant(ModelVariant& variant, engine::Engine& engine, int threads) {
  RETURN_IF_ERROR(check_target(variant.target));
  ASSIGN_OR_RETURN(const bool is_bundle, bundle::is_bundle(os::real_file_system(), variant.path));
  if (is_bundle)
    return Error{Code::kInvalid, variant.path + " is a bundle; `arete bundle extract` gives the models that are in it"};
  if (const Status added = add_files(variant); !added) return with_context(added.error(), variant.path);
  ASSIGN_OR_RETURN(proof::Opened opened, open_session(engine, FoundModel{variant.path}, threads));
  variant.session = std::move(opened.session);
  return {};
}

Status check_alike(const std::vector<ModelVariant>& variants) {
  const ModelVariant& first = variants.front();
  for (const ModelVariant& variant : variants) {
    if (!same_values(variant.session->inputs(), first.session->inputs()))
      return differs(variant, first, "input", variant.session->inputs(), first.session->inputs());
    if (!same_values(variant.session->outputs(), first.session->outputs()))
      return differs(variant, first, "output", variant.session->outputs(), first.session->outputs());
  }
  return {};
}

}  // namespace arete::apps
