// A bundle's file, and where it is sealed its grants and the keys that open it.
// Threads: one. Blocks for the files.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bundle/bundle.h"
#include "bundle/content_key.h"
#include "bundle/exchange_key.h"
#include "bundle/grants.h"
#include "core/result.h"
#include "core/zip.h"
#include "os/base/files.h"

namespace arete::bundle {

// How bundle.h and delta.h read an open file.
ReadAt reader_of(std::shared_ptr<const os::ReadableFile> file);

struct KeyFiles {
  std::vector<std::string> keys;    // private keys
  std::vector<std::string> grants;  // grants besides BUNDLE.grants
};

// Where the grants of a bundle lie.
std::string grants_path_of(const std::string& bundle_path);
// Where they lie from before the bundle is replaced until they have taken their place: with them a bundle opens
// whenever the power fails.
std::string arriving_grants_path_of(const std::string& bundle_path);
Result<Grants> read_grants(const std::string& path);
// What can be granted something: "NAME.pub", whose name is NAME.
Result<Recipient> read_recipient(const std::string& path);

// The content key of the bundle at `path` with this manifest: of several the first, those of `options` before those
// that lie beside the bundle. kUntrusted where none of the keys may have it.
Result<ContentKey> content_key(const KeyFiles& options, const std::string& path, const Digest& manifest);

// A sealed copy and its grants. What lies at `path` can be read with its grants until both are there anew, and from the
// next moment on the new one can: a full disk or a power cut loses neither.
Status write_sealed(const std::string& path, Contents& contents, const ContentKey& key, const Grants& grants,
                    const Progress& told = {});

// Finds the key of a sealed bundle, the one that opens it where copies with the same manifest have several.
Status unseal(Bundle& bundle, const std::string& path, const KeyFiles& keys);

// Unsealed where it is sealed and keys are given: kUntrusted where none of them may open it. Errors begin with the
// path.
Result<Bundle> open_bundle(const os::FileSystem& files, const std::string& path, const KeyFiles& keys = {});

}  // namespace arete::bundle
