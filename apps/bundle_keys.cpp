#include "apps/bundle_keys.h"

#include <optional>

#include "os/base/files.h"
#include "os/keystore/keystore.h"

namespace arete::apps {
namespace {

constexpr std::uint64_t kMaxPublicKeyBytes = 4096;

Result<bundle::ExchangeKey> read_key(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string pem, os::read_private_key(path));
  Result<bundle::ExchangeKey> key = bundle::ExchangeKey::of_pem(pem);
  return key ? std::move(key) : with_context(std::move(key).error(), path);
}

Result<std::vector<bundle::Grants>> read_all_grants(const KeyOptions& options, const std::string& beside) {
  std::vector<bundle::Grants> all;
  for (const std::string& path : options.grants) {
    ASSIGN_OR_RETURN(bundle::Grants grants, read_grants(path));
    all.push_back(std::move(grants));
  }
  Result<bundle::Grants> own = read_grants(beside);
  if (own) all.push_back(std::move(*own));
  if (!own && own.error().code != Code::kNotFound) return std::move(own).error();
  return all;
}

}  // namespace

void add_key_options(CLI::App& app, KeyOptions& o) {
  app.add_option("--key", o.keys, "a private key that a sealed bundle was granted to (may be given again)")->take_all();
  app.add_option("--grants", o.grants, "further grants, of a group say; those in BUNDLE.grants are read anyway")
      ->take_all();
}

std::string grants_path_of(const std::string& bundle_path) { return bundle_path + ".grants"; }

Result<bundle::Grants> read_grants(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, os::read_file(os::real_file_system(), path, bundle::kMaxGrantsBytes));
  Result<bundle::Grants> grants = bundle::parse_grants(text);
  return grants ? std::move(grants) : with_context(std::move(grants).error(), path);
}

Result<bundle::Recipient> read_recipient(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string pem, os::read_file(os::real_file_system(), path, kMaxPublicKeyBytes));
  const Result<bundle::ExchangePublicKey> key = bundle::ExchangePublicKey::of_pem(pem);
  if (!key) return with_context(key.error(), path);
  std::string name = os::stem_of(path);
  if (name.size() > bundle::kMaxRecipientName) name.resize(bundle::kMaxRecipientName);
  return bundle::Recipient{std::move(name), *key};
}

Result<bundle::ContentKey> content_key(const KeyOptions& options, const std::string& path,
                                       const bundle::Digest& manifest) {
  std::vector<bundle::ExchangeKey> keys;
  for (const std::string& file : options.keys) {
    ASSIGN_OR_RETURN(bundle::ExchangeKey key, read_key(file));
    keys.push_back(std::move(key));
  }
  std::vector<const bundle::KeyAgreement*> held;
  for (const bundle::ExchangeKey& key : keys) held.push_back(&key);
  ASSIGN_OR_RETURN(const std::vector<bundle::Grants> grants, read_all_grants(options, grants_path_of(path)));
  return bundle::find_content_key(manifest, grants, held);
}

}  // namespace arete::apps
