// Fuzzes TUF metadata: any text is an error, or a document whose canonical form is one; and what it says of roles,
// paths and files is answered, whatever is asked.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "bundle/canonical_json.h"
#include "bundle/tuf_client.h"
#include "bundle/tuf_trust.h"
#include "core/check.h"

using namespace arete;
using namespace arete::bundle;

namespace {

void check_error(const Error& error) { CHECK(!error.message.empty() && error.code != Code::kBug); }

void ask(const tuf::Targets& targets) {
  for (const auto& [path, info] : targets.targets) (void)info.check(path, "content").has_value();
  if (!targets.delegations) return;
  for (const tuf::DelegatedRole& role : targets.delegations->roles) {
    (void)role.covers("models/shoes/1.0.0");
    (void)role.covers(role.name);
    CHECK(targets.delegations->find(role.name) == &role.keys);
    CHECK(tuf::file_name_of(role.name).find('/') == std::string::npos);
  }
  if (targets.delegations->succinct) CHECK(!targets.delegations->succinct->name_for("models/shoes").empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Result<tuf::Envelope> envelope = tuf::parse_envelope(text);
  if (!envelope) {
    check_error(envelope.error());
    return 0;
  }
  const Result<Json> again = Json::parse(envelope->signed_bytes);
  // A control character stands in canonical JSON as itself, where JSON wants it escaped: only then it does not parse.
  if (again) CHECK(canonical_json(*again).value_or("") == envelope->signed_bytes);
  const Result<tuf::Root> root = tuf::parse_root(*envelope);
  if (root) (void)tuf::check_signatures(*envelope, root->keys, root->roles.at("root"), "root").has_value();
  if (!root) check_error(root.error());
  const Result<tuf::Targets> targets = tuf::parse_targets(*envelope);
  if (targets) ask(*targets);
  if (!targets) check_error(targets.error());
  (void)tuf::parse_timestamp(*envelope).has_value();
  (void)tuf::parse_snapshot(*envelope).has_value();
  const Result<tuf::Trust> trust = tuf::Trust::make(text, {1'800'000'000, 0});
  if (!trust) check_error(trust.error());
  return 0;
}
