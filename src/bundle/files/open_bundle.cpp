#include "bundle/files/open_bundle.h"

#include "os/base/files.h"
#include "os/keystore/keystore.h"

namespace arete::bundle {
namespace {

constexpr std::uint64_t kMaxPublicKeyBytes = 4096;

Result<ExchangeKey> read_key(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string pem, os::read_private_key(path));
  Result<ExchangeKey> key = ExchangeKey::of_pem(pem);
  return key ? std::move(key) : with_context(std::move(key).error(), path);
}

Result<std::vector<Grants>> read_all_grants(const KeyFiles& options, const std::string& beside) {
  std::vector<Grants> all;
  for (const std::string& path : options.grants) {
    ASSIGN_OR_RETURN(Grants grants, read_grants(path));
    all.push_back(std::move(grants));
  }
  Result<Grants> own = read_grants(beside);
  if (own) all.push_back(std::move(*own));
  if (!own && own.error().code != Code::kNotFound) return std::move(own).error();
  return all;
}

Result<Bundle> open_plain(const os::FileSystem& files, const std::string& path) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const os::ReadableFile> file, files.open(path));
  const auto read = [file](std::uint64_t offset, std::span<std::byte> to) { return file->read_at(offset, to); };
  Result<Bundle> opened = Bundle::open(read, file->size_bytes());
  if (!opened) return with_context(std::move(opened).error(), path);
  return opened;
}

}  // namespace

std::string grants_path_of(const std::string& bundle_path) { return bundle_path + ".grants"; }

Result<Grants> read_grants(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, os::read_file(os::real_file_system(), path, kMaxGrantsBytes));
  Result<Grants> grants = parse_grants(text);
  return grants ? std::move(grants) : with_context(std::move(grants).error(), path);
}

Result<Recipient> read_recipient(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string pem, os::read_file(os::real_file_system(), path, kMaxPublicKeyBytes));
  const Result<ExchangePublicKey> key = ExchangePublicKey::of_pem(pem);
  if (!key) return with_context(key.error(), path);
  std::string name = os::stem_of(path);
  if (name.size() > kMaxRecipientName) name.resize(kMaxRecipientName);
  return Recipient{std::move(name), *key};
}

Result<ContentKey> content_key(const KeyFiles& options, const std::string& path, const Digest& manifest) {
  std::vector<ExchangeKey> keys;
  for (const std::string& file : options.keys) {
    ASSIGN_OR_RETURN(ExchangeKey key, read_key(file));
    keys.push_back(std::move(key));
  }
  std::vector<const KeyAgreement*> held;
  for (const ExchangeKey& key : keys) held.push_back(&key);
  ASSIGN_OR_RETURN(const std::vector<Grants> grants, read_all_grants(options, grants_path_of(path)));
  return find_content_key(manifest, grants, held);
}

Result<Bundle> open_bundle(const os::FileSystem& files, const std::string& path, const KeyFiles& keys) {
  Result<Bundle> opened = open_plain(files, path);
  if (!opened || !opened->is_sealed() || keys.keys.empty()) return opened;
  const Result<ContentKey> key = content_key(keys, path, manifest_digest(*opened));
  if (!key) return with_context(key.error(), path);
  opened->unseal_with(*key);
  return opened;
}

}  // namespace arete::bundle
