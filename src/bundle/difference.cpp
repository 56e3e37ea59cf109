#include "bundle/difference.h"

#include <algorithm>
#include <array>
#include <set>

namespace arete::bundle {
namespace {

// These follow from the files, which are told apart by themselves.
constexpr std::array<std::string_view, 2> kOfFiles = {"files", "blobs"};

void compare_fields(const Json& older, const Json& newer, std::vector<std::string>& fields) {
  std::set<std::string> names;
  for (const Json* const side : {&older, &newer}) {
    for (const auto& [key, value] : side->as_object()) names.insert(key);
  }
  for (const std::string& name : names) {
    if (std::ranges::find(kOfFiles, name) != kOfFiles.end()) continue;
    const Json* const before = older.find(name);
    const Json* const after = newer.find(name);
    const bool same = before != nullptr && after != nullptr && before->dump() == after->dump();
    if (!same) fields.push_back(name);
  }
}

std::set<Digest> digests_of(const Manifest& manifest) {
  std::set<Digest> digests;
  for (const Blob& blob : manifest.blobs) digests.insert(blob.digest);
  return digests;
}

FileDifference look(const Manifest& newer, const BundleFile& file, const std::set<Digest>& known,
                    FileDifference::Kind kind) {
  FileDifference found{kind, file.path, file.bytes};
  std::set<std::string> named;
  for (const std::uint32_t index : file.blobs) {
    const Blob& blob = newer.blobs[index];
    if (known.contains(blob.digest)) continue;
    found.changed_bytes += blob.bytes;
    if (!blob.tensor.empty() && named.insert(blob.tensor).second) found.tensors.push_back(blob.tensor);
  }
  return found;
}

}  // namespace

Result<Difference> difference(const std::string& older_text, const std::string& newer_text) {
  ASSIGN_OR_RETURN(const Manifest older, parse_manifest(older_text));
  ASSIGN_OR_RETURN(const Manifest newer, parse_manifest(newer_text));
  ASSIGN_OR_RETURN(const Json older_json, Json::parse(older_text));
  ASSIGN_OR_RETURN(const Json newer_json, Json::parse(newer_text));
  Difference found;
  compare_fields(older_json, newer_json, found.fields);
  const std::set<Digest> known = digests_of(older);
  for (const Blob& blob : newer.blobs) {
    if (known.contains(blob.digest)) continue;
    ++found.new_blobs;
    found.new_bytes += blob.bytes;
  }
  for (const BundleFile& file : newer.files) {
    const BundleFile* const before = find_file(older, file.path);
    if (before != nullptr && before->digest == file.digest) continue;
    const auto kind = before == nullptr ? FileDifference::Kind::kAdded : FileDifference::Kind::kChanged;
    found.files.push_back(look(newer, file, known, kind));
  }
  for (const BundleFile& file : older.files) {
    if (find_file(newer, file.path) == nullptr)
      found.files.push_back({FileDifference::Kind::kRemoved, file.path, file.bytes});
  }
  return found;
}

}  // namespace arete::bundle
