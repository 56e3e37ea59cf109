#include "bundle/manifest.h"

#include <algorithm>

namespace arete::bundle {
namespace {

constexpr int kMaxDepth = 32;

Error invalid(const std::string& what) { return {Code::kInvalid, "the manifest: " + what}; }

// An object's members by name and type, with errors that say which.
class Members {
 public:
  static Result<Members> of(const Json& json, std::string where) {
    if (json.is_object()) return Members(json, std::move(where));
    return invalid(where + " must be an object");
  }

  const Json* find(std::string_view key) const { return json_.find(key); }
  Result<std::string> text(std::string_view key) const {
    const Json* const member = find(key);
    if (member != nullptr && member->is_string()) return member->as_string();
    return wrong(key, "text");
  }
  Result<std::string> text_or_none(std::string_view key) const {
    const Json* const member = find(key);
    if (member == nullptr) return std::string();
    if (member->is_string()) return member->as_string();
    return wrong(key, "text");
  }
  Result<std::uint64_t> count(std::string_view key) const {
    const Json* const member = find(key);
    if (member != nullptr && member->is_integer() && (member->as_int64() >= 0 || member->as_double() > 0))
      return member->as_uint64();
    return wrong(key, "a whole number from 0 on");
  }
  Result<double> number(std::string_view key) const {
    const Json* const member = find(key);
    if (member != nullptr && member->is_number()) return member->as_double();
    return wrong(key, "a number");
  }
  Result<Digest> digest(std::string_view key) const {
    ASSIGN_OR_RETURN(const std::string hex, text(key));
    Result<Digest> digest = digest_from_hex(hex);
    if (!digest)
      return with_context(std::move(digest).error(), "the manifest: " + where_ + ": \"" + std::string(key) + "\"");
    return digest;
  }
  // A list, each of whose elements `read` takes; none where the member may be absent and is.
  template <class Item, class Read>
  Status list(std::string_view key, std::size_t most, std::vector<Item>& into, const Read& read,
              bool may_lack = false) const {
    const Json* const member = find(key);
    if (member == nullptr && may_lack) return {};
    if (member == nullptr || !member->is_array()) return wrong(key, "a list");
    if (member->as_array().size() > most)
      return Error{Code::kExhausted, "the manifest: " + where_ + ": \"" + std::string(key) + "\" has more than " +
                                         std::to_string(most) + " elements"};
    into.reserve(member->as_array().size());
    for (const Json& element : member->as_array()) {
      ASSIGN_OR_RETURN(Item item, read(element));
      into.push_back(std::move(item));
    }
    return {};
  }
  Error wrong(std::string_view key, std::string_view wanted) const {
    return invalid(where_ + ": \"" + std::string(key) + "\" must be " + std::string(wanted));
  }

 private:
  Members(const Json& json, std::string where) : json_(json), where_(std::move(where)) {}

  const Json& json_;
  std::string where_;
};

// ---- Reading ----

Result<std::int64_t> read_size(const Json& json) {
  if (json.is_integer()) return json.as_int64();
  return invalid("a shape must be a list of whole numbers");
}

Result<TensorInfo> read_tensor(const Json& json) {
  ASSIGN_OR_RETURN(const Members members, Members::of(json, "an input or output"));
  TensorInfo tensor;
  ASSIGN_OR_RETURN(tensor.name, members.text("name"));
  ASSIGN_OR_RETURN(const std::string dtype, members.text("dtype"));
  const std::optional<DType> known = dtype_from_name(dtype);
  if (!known) return invalid("'" + tensor.name + "' has the unknown dtype '" + dtype + "'");
  tensor.dtype = *known;
  RETURN_IF_ERROR(members.list("shape", kMaxRank, tensor.shape, read_size));
  return tensor;
}

Result<OutputTolerance> read_tolerance(const Json& json) {
  ASSIGN_OR_RETURN(const Members members, Members::of(json, "a tolerance"));
  OutputTolerance row;
  ASSIGN_OR_RETURN(row.output, members.text("output"));
  ASSIGN_OR_RETURN(row.tolerance, members.number("tolerance"));
  ASSIGN_OR_RETURN(row.difference, members.number("difference"));
  return row;
}

Result<Variant> read_variant(const Json& json) {
  constexpr std::size_t kMaxOutputs = 1024;
  ASSIGN_OR_RETURN(const Members members, Members::of(json, "a variant"));
  Variant variant;
  ASSIGN_OR_RETURN(variant.name, members.text("name"));
  ASSIGN_OR_RETURN(variant.target, members.text("target"));
  ASSIGN_OR_RETURN(variant.engine, members.text("engine"));
  ASSIGN_OR_RETURN(variant.model, members.text("model"));
  RETURN_IF_ERROR(members.list("tolerances", kMaxOutputs, variant.tolerances, read_tolerance, true));
  if (const Json* const agreement = members.find("agreement")) {
    if (!agreement->is_number() || !(agreement->as_double() >= 0 && agreement->as_double() <= 1))
      return members.wrong("agreement", "a share from 0 to 1");
    variant.agreement = agreement->as_double();
  }
  return variant;
}

Result<Claim> read_claim(const Json& json) {
  ASSIGN_OR_RETURN(const Members members, Members::of(json, "a claim"));
  Claim claim;
  ASSIGN_OR_RETURN(claim.what, members.text("what"));
  ASSIGN_OR_RETURN(claim.value, members.number("value"));
  ASSIGN_OR_RETURN(claim.unit, members.text_or_none("unit"));
  ASSIGN_OR_RETURN(claim.how, members.text("how"));
  return claim;
}

Result<std::uint32_t> read_index(const Json& json) {
  if (json.is_integer() && json.as_int64() >= 0 && json.as_int64() < static_cast<std::int64_t>(kMaxBlobs))
    return static_cast<std::uint32_t>(json.as_int64());
  return invalid("a file's blobs must be indices into the list of blobs");
}

Result<BundleFile> read_file(const Json& json) {
  ASSIGN_OR_RETURN(const Members members, Members::of(json, "a file"));
  BundleFile file;
  ASSIGN_OR_RETURN(file.path, members.text("path"));
  ASSIGN_OR_RETURN(file.bytes, members.count("bytes"));
  ASSIGN_OR_RETURN(file.digest, members.digest("sha256"));
  RETURN_IF_ERROR(members.list("blobs", kMaxBlobUses, file.blobs, read_index));
  return file;
}

Result<Blob> read_blob(const Json& json) {
  ASSIGN_OR_RETURN(const Members members, Members::of(json, "a blob"));
  Blob blob;
  ASSIGN_OR_RETURN(blob.digest, members.digest("sha256"));
  ASSIGN_OR_RETURN(blob.bytes, members.count("bytes"));
  ASSIGN_OR_RETURN(blob.tensor, members.text_or_none("tensor"));
  return blob;
}

Result<SampleFile> read_sample_file(const Json& json, std::string_view name) {
  ASSIGN_OR_RETURN(const Members members, Members::of(json, "\"" + std::string(name) + "\""));
  SampleFile file;
  ASSIGN_OR_RETURN(file.path, members.text("file"));
  ASSIGN_OR_RETURN(const std::uint64_t samples, members.count("samples"));
  file.samples = static_cast<std::int64_t>(std::min<std::uint64_t>(samples, INT64_MAX));
  return file;
}

Status read_parts(const Members& members, Manifest& manifest) {
  RETURN_IF_ERROR(members.list("inputs", kMaxFiles, manifest.inputs, read_tensor));
  RETURN_IF_ERROR(members.list("outputs", kMaxFiles, manifest.outputs, read_tensor));
  if (const Json* const card = members.find("card")) {
    ASSIGN_OR_RETURN(manifest.card, parse_card(*card));
  }
  RETURN_IF_ERROR(members.list("variants", kMaxVariants, manifest.variants, read_variant));
  if (const Json* const golden = members.find("golden")) {
    ASSIGN_OR_RETURN(manifest.golden, read_sample_file(*golden, "golden"));
  }
  if (const Json* const evaluation = members.find("evaluation")) {
    ASSIGN_OR_RETURN(manifest.evaluation, read_sample_file(*evaluation, "evaluation"));
  }
  if (const Json* const reference = members.find("reference")) {
    ASSIGN_OR_RETURN(manifest.reference, read_sample_file(*reference, "reference"));
  }
  RETURN_IF_ERROR(members.list("claims", kMaxFiles, manifest.claims, read_claim, true));
  RETURN_IF_ERROR(members.list("files", kMaxFiles, manifest.files, read_file));
  return members.list("blobs", kMaxBlobs, manifest.blobs, read_blob);
}

// ---- Writing ----

Json tensors_json(const std::vector<TensorInfo>& tensors) {
  Json list = Json::array();
  for (const TensorInfo& tensor : tensors) {
    Json shape = Json::array();
    for (const std::int64_t size : tensor.shape) shape.push_back(size);
    list.push_back(
        Json::object({{"name", tensor.name}, {"dtype", name_of(tensor.dtype)}, {"shape", std::move(shape)}}));
  }
  return list;
}

Json variant_json(const Variant& variant) {
  Json json = Json::object(
      {{"name", variant.name}, {"target", variant.target}, {"engine", variant.engine}, {"model", variant.model}});
  Json tolerances = Json::array();
  for (const OutputTolerance& row : variant.tolerances) {
    tolerances.push_back(
        Json::object({{"output", row.output}, {"tolerance", row.tolerance}, {"difference", row.difference}}));
  }
  if (!variant.tolerances.empty()) json.set("tolerances", std::move(tolerances));
  if (variant.agreement) json.set("agreement", *variant.agreement);
  return json;
}

Json claims_json(const std::vector<Claim>& claims) {
  Json list = Json::array();
  for (const Claim& claim : claims) {
    Json json = Json::object({{"what", claim.what}, {"value", claim.value}});
    if (!claim.unit.empty()) json.set("unit", claim.unit);
    json.set("how", claim.how);
    list.push_back(std::move(json));
  }
  return list;
}

Json sample_file_json(const SampleFile& file) { return Json::object({{"file", file.path}, {"samples", file.samples}}); }

Json file_json(const BundleFile& file) {
  Json blobs = Json::array();
  for (const std::uint32_t index : file.blobs) blobs.push_back(std::uint64_t{index});
  return Json::object(
      {{"path", file.path}, {"bytes", file.bytes}, {"sha256", file.digest.hex()}, {"blobs", std::move(blobs)}});
}

Json blob_json(const Blob& blob) {
  Json json = Json::object({{"sha256", blob.digest.hex()}, {"bytes", blob.bytes}});
  if (!blob.tensor.empty()) json.set("tensor", blob.tensor);
  return json;
}

}  // namespace

Result<Manifest> parse_manifest(std::string_view text) {
  Result<Json> json = Json::parse(text, {kMaxManifestBytes, kMaxDepth});
  if (!json) return with_context(std::move(json).error(), "the manifest");
  ASSIGN_OR_RETURN(const Members members, Members::of(*json, "it"));
  Manifest manifest;
  ASSIGN_OR_RETURN(manifest.name, members.text("name"));
  ASSIGN_OR_RETURN(manifest.version, members.text("version"));
  ASSIGN_OR_RETURN(manifest.release, members.count("release"));
  ASSIGN_OR_RETURN(manifest.minimum_agent, members.text_or_none("minimum_agent"));
  ASSIGN_OR_RETURN(manifest.changelog, members.text_or_none("changelog"));
  RETURN_IF_ERROR(read_parts(members, manifest));
  RETURN_IF_ERROR(check_manifest(manifest));
  return manifest;
}

std::string write_manifest(const Manifest& manifest) {
  Json json = Json::object({{"name", manifest.name}, {"version", manifest.version}, {"release", manifest.release}});
  if (!manifest.minimum_agent.empty()) json.set("minimum_agent", manifest.minimum_agent);
  if (!manifest.changelog.empty()) json.set("changelog", manifest.changelog);
  json.set("inputs", tensors_json(manifest.inputs));
  json.set("outputs", tensors_json(manifest.outputs));
  if (manifest.card) json.set("card", to_json(*manifest.card));
  Json variants = Json::array();
  for (const Variant& variant : manifest.variants) variants.push_back(variant_json(variant));
  json.set("variants", std::move(variants));
  if (manifest.golden) json.set("golden", sample_file_json(*manifest.golden));
  if (manifest.evaluation) json.set("evaluation", sample_file_json(*manifest.evaluation));
  if (manifest.reference) json.set("reference", sample_file_json(*manifest.reference));
  if (!manifest.claims.empty()) json.set("claims", claims_json(manifest.claims));
  Json files = Json::array();
  for (const BundleFile& file : manifest.files) files.push_back(file_json(file));
  json.set("files", std::move(files));
  Json blobs = Json::array();
  for (const Blob& blob : manifest.blobs) blobs.push_back(blob_json(blob));
  json.set("blobs", std::move(blobs));
  return json.dump();
}

const BundleFile* find_file(const Manifest& manifest, std::string_view path) {
  const auto found = std::ranges::find(manifest.files, path, &BundleFile::path);
  return found == manifest.files.end() ? nullptr : &*found;
}

const Variant* find_variant(const Manifest& manifest, std::string_view name) {
  const auto found = std::ranges::find(manifest.variants, name, &Variant::name);
  return found == manifest.variants.end() ? nullptr : &*found;
}

std::uint64_t blob_bytes(const Manifest& manifest) {
  std::uint64_t bytes = 0;
  for (const Blob& blob : manifest.blobs) bytes += blob.bytes;
  return bytes;
}

std::uint64_t file_bytes(const Manifest& manifest) {
  std::uint64_t bytes = 0;
  for (const BundleFile& file : manifest.files) bytes += file.bytes;
  return bytes;
}

}  // namespace arete::bundle
