// The rules that a manifest obeys, one function each.
#include <algorithm>
#include <cmath>
#include <set>

#include "bundle/manifest.h"
#include "bundle/semantic_version.h"

namespace arete::bundle {
namespace {

Error invalid(const std::string& what) { return {Code::kInvalid, "the manifest: " + what}; }
Error too_many(const std::string& what, std::size_t most) {
  return {Code::kExhausted, "the manifest has more than " + std::to_string(most) + " " + what};
}

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

// A name that can be a folder, a label and a part of an address.
bool is_plain_name(std::string_view text) {
  return !text.empty() && text.size() <= kMaxNameBytes && std::ranges::all_of(text, is_plain) && text.front() != '.' &&
         text.front() != '-';
}

Status check_name(const std::string& role, const std::string& text) {
  if (is_plain_name(text)) return {};
  return invalid(role + " '" + text.substr(0, kMaxNameBytes) + "' must be 1 to " + std::to_string(kMaxNameBytes) +
                 " of the letters a-z and A-Z, digits, '.', '_' and '-', and begin with a letter, a digit or '_'");
}

Status check_version(const std::string& role, const std::string& text) {
  const Result<SemanticVersion> version = SemanticVersion::parse(text);
  return version ? Status() : Status(with_context(version.error(), "the manifest: " + role));
}

bool breaks_path(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F || c == '\\' || c == ':'; }

// Relative, and within the folder that it will be unpacked in, on every system.
Status check_path(const std::string& path) {
  const Error untrusted{Code::kUntrusted,
                        "the manifest: the path '" + path.substr(0, kMaxPathBytes) +
                            "' must be relative, without '.', '..', '\\', ':' and control characters"};
  if (path.empty() || path.size() > kMaxPathBytes || path.front() == '/' || path.back() == '/') return untrusted;
  if (!is_utf8(path) || std::ranges::any_of(path, breaks_path)) return untrusted;
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string_view part = std::string_view(path).substr(at, end - at);
    if (part.empty() || part == "." || part == "..") return untrusted;
    at = end + 1;
  }
  return {};
}

std::string folded(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
  return text;
}

// Of two paths neither may be the other, also where a file system takes upper for lower case, nor a folder in it.
Status check_paths(const Manifest& manifest) {
  std::set<std::string> paths;
  for (const BundleFile& file : manifest.files) {
    RETURN_IF_ERROR(check_path(file.path));
    if (!paths.insert(folded(file.path)).second) return invalid("two files have the path '" + file.path + "'");
  }
  for (const std::string& path : paths) {
    for (std::size_t at = path.find('/'); at != std::string::npos; at = path.find('/', at + 1)) {
      if (paths.contains(path.substr(0, at))) return invalid("'" + path.substr(0, at) + "' is a file and a folder");
    }
  }
  return {};
}

Status check_blobs(const Manifest& manifest) {
  if (manifest.blobs.size() > kMaxBlobs) return too_many("blobs", kMaxBlobs);
  std::set<Digest> digests;
  for (const Blob& blob : manifest.blobs) {
    const std::string name = "blob " + blob.digest.hex();
    if (!digests.insert(blob.digest).second) return invalid(name + " is there twice");
    if (blob.bytes == 0 || blob.bytes > kMaxBlobBytes)
      return invalid(name + " must have 1 to " + std::to_string(kMaxBlobBytes) + " bytes");
  }
  return {};
}

Status check_files(const Manifest& manifest) {
  if (manifest.files.size() > kMaxFiles) return too_many("files", kMaxFiles);
  RETURN_IF_ERROR(check_paths(manifest));
  std::vector<bool> used(manifest.blobs.size());
  std::size_t uses = 0;
  std::uint64_t all_bytes = 0;
  for (const BundleFile& file : manifest.files) {
    uses += file.blobs.size();
    if (uses > kMaxBlobUses) return too_many("uses of blobs", kMaxBlobUses);
    std::uint64_t bytes = 0;
    for (const std::uint32_t index : file.blobs) {
      if (index >= manifest.blobs.size()) return invalid("'" + file.path + "' names a blob that is not there");
      used[index] = true;
      bytes += manifest.blobs[index].bytes;
    }
    if (bytes != file.bytes)
      return invalid("'" + file.path + "' has " + std::to_string(file.bytes) + " bytes, its blobs " +
                     std::to_string(bytes));
    all_bytes += bytes;
  }
  if (all_bytes > kMaxFileBytes)
    return Error{Code::kExhausted, "the manifest's files are over " + std::to_string(kMaxFileBytes) + " bytes"};
  const auto unused = std::ranges::find(used, false);
  if (unused == used.end()) return {};
  return invalid("no file has blob " + manifest.blobs[static_cast<std::size_t>(unused - used.begin())].digest.hex());
}

Status check_tensors(const std::string& role, const std::vector<TensorInfo>& tensors) {
  constexpr std::size_t kMaxTensors = 1024;
  if (tensors.empty() || tensors.size() > kMaxTensors)
    return invalid("there must be 1 to " + std::to_string(kMaxTensors) + " " + role + "s");
  std::set<std::string> names;
  for (const TensorInfo& tensor : tensors) {
    if (!names.insert(tensor.name).second) return invalid("two " + role + "s are named '" + tensor.name + "'");
    if (tensor.shape.size() > kMaxRank || std::ranges::any_of(tensor.shape, [](auto size) { return size < -1; }))
      return invalid("the shape of " + role + " '" + tensor.name + "' is none");
  }
  return {};
}

Status check_variant(const Manifest& manifest, const Variant& variant) {
  RETURN_IF_ERROR(check_name("a variant's name", variant.name));
  RETURN_IF_ERROR(check_name("the target of variant '" + variant.name + "'", variant.target));
  RETURN_IF_ERROR(check_name("the engine of variant '" + variant.name + "'", variant.engine));
  if (find_file(manifest, variant.model) == nullptr)
    return invalid("variant '" + variant.name + "' is in '" + variant.model + "', which is no file of the bundle");
  for (const OutputTolerance& row : variant.tolerances) {
    if (std::ranges::find(manifest.outputs, row.output, &TensorInfo::name) == manifest.outputs.end())
      return invalid("variant '" + variant.name + "' has a tolerance for '" + row.output + "', which is no output");
    if (!(row.tolerance >= 0 && row.tolerance <= 1) || !(row.difference >= 0) || !std::isfinite(row.difference))
      return invalid("the tolerances of variant '" + variant.name + "' must be in 0..1");
  }
  // What is proven is proven for every output.
  if (manifest.golden && variant.tolerances.size() != manifest.outputs.size())
    return invalid("variant '" + variant.name + "' must have a tolerance for each output");
  return {};
}

Status check_variants(const Manifest& manifest) {
  if (manifest.variants.empty() || manifest.variants.size() > kMaxVariants)
    return invalid("there must be 1 to " + std::to_string(kMaxVariants) + " variants");
  std::set<std::string> names;
  for (const Variant& variant : manifest.variants) {
    if (!names.insert(folded(variant.name)).second) return invalid("two variants are named '" + variant.name + "'");
    RETURN_IF_ERROR(check_variant(manifest, variant));
  }
  return {};
}

Status check_sample_file(const Manifest& manifest, const std::string& what, const std::optional<SampleFile>& file) {
  if (!file) return {};
  if (find_file(manifest, file->path) == nullptr)
    return invalid("the " + what + ": there is no file '" + file->path + "' in the bundle");
  return file->samples > 0 ? Status() : Status(invalid("the " + what + " must have one sample at least"));
}

}  // namespace

Status check_manifest(const Manifest& manifest) {
  RETURN_IF_ERROR(check_name("the name", manifest.name));
  RETURN_IF_ERROR(check_version("the version", manifest.version));
  if (!manifest.minimum_agent.empty()) RETURN_IF_ERROR(check_version("the minimum agent", manifest.minimum_agent));
  RETURN_IF_ERROR(check_tensors("input", manifest.inputs));
  RETURN_IF_ERROR(check_tensors("output", manifest.outputs));
  RETURN_IF_ERROR(check_blobs(manifest));
  RETURN_IF_ERROR(check_files(manifest));
  RETURN_IF_ERROR(check_variants(manifest));
  RETURN_IF_ERROR(check_sample_file(manifest, "golden answers", manifest.golden));
  RETURN_IF_ERROR(check_sample_file(manifest, "evaluation set", manifest.evaluation));
  return check_sample_file(manifest, "drift reference", manifest.reference);
}

}  // namespace arete::bundle
