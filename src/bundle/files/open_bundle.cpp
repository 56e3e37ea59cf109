#include "bundle/files/open_bundle.h"

#include <algorithm>

#include "core/json.h"
#include "os/base/files.h"
#include "os/keystore/keystore.h"

namespace arete::bundle {
namespace {

constexpr std::uint64_t kMaxPublicKeyBytes = 4096;

bool is_public(const std::string& path) {
  const Result<std::string> pem = os::read_file(os::real_file_system(), path, kMaxPublicKeyBytes);
  return pem && pem->find("BEGIN PUBLIC KEY") != std::string::npos;
}

Result<ExchangeKey> read_key(const std::string& path) {
  if (is_public(path))
    return Error{Code::kInvalid, path + " is a public key, which opens nothing; give the private one, NAME.key"};
  ASSIGN_OR_RETURN(const std::string pem, os::read_private_key(path));
  Result<ExchangeKey> key = ExchangeKey::of_pem(pem);
  return key ? std::move(key) : with_context(std::move(key).error(), path);
}

struct ReadGrants {
  std::vector<Grants> files;
  Status failed;  // the last that cannot be read: others may do
};

Result<ReadGrants> read_all_grants(const KeyFiles& options, const std::string& bundle_path) {
  ReadGrants all;
  const auto add = [&](Result<Grants> grants) {
    if (grants) all.files.push_back(std::move(*grants));
    if (!grants && grants.error().code != Code::kNotFound) all.failed = grants.error();
  };
  for (const std::string& path : options.grants) {
    Result<Grants> grants = read_grants(path);
    if (!grants && grants.error().code == Code::kNotFound) return std::move(grants).error();  // the name is wrong
    add(std::move(grants));
  }
  add(read_grants(grants_path_of(bundle_path)));
  add(read_grants(arriving_grants_path_of(bundle_path)));
  return all;
}

// Of copies with one manifest and several keys: which opens this one. The least blob tells.
const ContentKey& key_of(Bundle& bundle, const std::vector<ContentKey>& keys) {
  const std::vector<Blob>& blobs = bundle.manifest().blobs;
  const auto least = std::ranges::min_element(blobs, {}, &Blob::bytes);
  for (const ContentKey& key : keys) {
    if (keys.size() == 1 || least == blobs.end()) break;
    bundle.unseal_with(key);
    if (bundle.blob(static_cast<std::size_t>(least - blobs.begin()))) return key;
  }
  return keys.front();
}

Result<Bundle> open_plain(const os::FileSystem& files, const std::string& path) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const os::ReadableFile> file, files.open(path));
  Result<Bundle> opened = Bundle::open(reader_of(file), file->size_bytes());
  if (!opened) return with_context(std::move(opened).error(), path);
  return opened;
}

Result<std::vector<ContentKey>> content_keys(const KeyFiles& options, const std::string& path, const Digest& manifest) {
  std::vector<ExchangeKey> keys;
  for (const std::string& file : options.keys) {
    ASSIGN_OR_RETURN(ExchangeKey key, read_key(file));
    keys.push_back(std::move(key));
  }
  std::vector<const KeyAgreement*> held;
  for (const ExchangeKey& key : keys) held.push_back(&key);
  ASSIGN_OR_RETURN(const ReadGrants grants, read_all_grants(options, path));
  Result<std::vector<ContentKey>> found = find_content_keys(manifest, grants.files, held);
  if (!found && !grants.failed) return grants.failed.error();
  return found;
}

}  // namespace

ReadAt reader_of(std::shared_ptr<const os::ReadableFile> file) {
  return [file = std::move(file)](std::uint64_t offset, std::span<std::byte> to) { return file->read_at(offset, to); };
}

std::string grants_path_of(const std::string& bundle_path) { return bundle_path + ".grants"; }

std::string arriving_grants_path_of(const std::string& bundle_path) {
  const std::string name = bundle_path.substr(bundle_path.rfind('/') + 1);
  return os::join_path(os::folder_of(bundle_path), "." + name + ".grants.arriving");
}

Result<Grants> read_grants(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, os::read_file(os::real_file_system(), path, kMaxGrantsBytes));
  Result<Grants> grants = parse_grants(text);
  return grants ? std::move(grants) : with_context(std::move(grants).error(), path);
}

Result<Recipient> read_recipient(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string pem, os::read_file(os::real_file_system(), path, kMaxPublicKeyBytes));
  if (pem.find("PRIVATE KEY") != std::string::npos)
    return Error{Code::kInvalid, path + " is a private key, which is nobody else's; give the public one, NAME.pub"};
  const Result<ExchangePublicKey> key = ExchangePublicKey::of_pem(pem);
  if (!key) return with_context(key.error(), path);
  std::string name = os::stem_of(path);
  if (!is_utf8(name)) return Error{Code::kInvalid, "'" + path + "' has a name that is not UTF-8"};
  if (name.size() > kMaxRecipientName) name.resize(kMaxRecipientName);
  while (!is_utf8(name)) name.pop_back();  // cut within a character
  if (!is_recipient_name(name)) return Error{Code::kInvalid, "'" + path + "' has control characters in its name"};
  return Recipient{std::move(name), *key};
}

Result<ContentKey> content_key(const KeyFiles& options, const std::string& path, const Digest& manifest) {
  ASSIGN_OR_RETURN(const std::vector<ContentKey> found, content_keys(options, path, manifest));
  return found.front();
}

Status write_sealed(const std::string& path, Contents& contents, const ContentKey& key, const Grants& grants,
                    const Progress& told) {
  const os::FileSystem& files = os::real_file_system();
  const std::string text = write_grants(grants);
  const std::span<const std::byte> bytes = std::as_bytes(std::span(text));
  const auto write = [&](const os::Append& append) { return write_bundle(contents, append, told, &key); };
  ASSIGN_OR_RETURN(const std::unique_ptr<os::StagedFile> bundle, files.stage_written(path, write));
  ASSIGN_OR_RETURN(const std::unique_ptr<os::StagedFile> beside, files.stage(grants_path_of(path), {&bytes, 1}));
  // Looked into as well, from before the bundle is another one until its grants are.
  RETURN_IF_ERROR(os::write_text(files, arriving_grants_path_of(path), text));
  RETURN_IF_ERROR(bundle->commit());
  RETURN_IF_ERROR(beside->commit());
  return files.remove(arriving_grants_path_of(path));
}

Status unseal(Bundle& bundle, const std::string& path, const KeyFiles& keys) {
  const Result<std::vector<ContentKey>> found = content_keys(keys, path, manifest_digest(bundle));
  if (!found) return with_context(found.error(), path);
  bundle.unseal_with(key_of(bundle, *found));
  return {};
}

Result<Bundle> open_bundle(const os::FileSystem& files, const std::string& path, const KeyFiles& keys) {
  Result<Bundle> opened = open_plain(files, path);
  if (!opened || !opened->is_sealed() || keys.keys.empty()) return opened;
  RETURN_IF_ERROR(unseal(*opened, path, keys));
  return opened;
}

}  // namespace arete::bundle
