// The keys that open sealed bundles, as options of the command line.
// Threads: one.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "bundle/content_key.h"
#include "bundle/exchange_key.h"
#include "bundle/grants.h"
#include "core/result.h"

namespace arete::apps {

struct KeyOptions {
  std::vector<std::string> keys;    // private keys' files
  std::vector<std::string> grants;  // files of grants besides BUNDLE.grants
};

void add_key_options(CLI::App& app, KeyOptions& options);

// Where the grants of a bundle lie.
std::string grants_path_of(const std::string& bundle_path);
Result<bundle::Grants> read_grants(const std::string& path);
// What can be granted something: "NAME.pub", whose name is NAME.
Result<bundle::Recipient> read_recipient(const std::string& path);

// The content key of the bundle at `path` with this manifest. kUntrusted where none of the keys may have it.
Result<bundle::ContentKey> content_key(const KeyOptions& options, const std::string& path,
                                       const bundle::Digest& manifest);

}  // namespace arete::apps
