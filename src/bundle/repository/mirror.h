// A TUF repository to read from, in a folder or behind a server, and the folder of what is believed of it.
// docs/formats/repository.md. Threads: one. Blocks.
#pragma once

#include <memory>
#include <string>

#include "bundle/tuf_client.h"
#include "core/result.h"
#include "os/base/files.h"
#include "os/http_client/http_client.h"

namespace arete::bundle {

class Mirror {
 public:
  // "http://...", "https://..." or a folder; metadata/ and targets/ lie below it.
  explicit Mirror(std::string place);
  // kInvalid for an address of another kind.
  static Status check_place(const std::string& place);

  // A file below metadata/, as tuf::Fetch has it.
  Result<std::string> metadata(const std::string& name, std::uint64_t max_bytes);
  // A target, where the client says it lies, beside `path`: whole and as it was signed, to be judged before it takes
  // that place. kUntrusted also for places and hashes that no publisher of ours would sign.
  Result<std::unique_ptr<os::StagedFile>> stage_target(const std::string& place, const tuf::FileInfo& info,
                                                       const std::string& path);

 private:
  Status read(os::HttpClient* http, const std::string& name, std::uint64_t max_bytes, const os::TakeBody& take);

  std::string place_;
  // nullptr: a folder. Documents must come within a minute; a target may take as long as it comes fast enough.
  std::unique_ptr<os::HttpClient> documents_, targets_;
};

class TrustFolder final : public tuf::Kept {
 public:
  explicit TrustFolder(std::string path) : path_(std::move(path)) {}
  Result<std::string> load(const std::string& name) override;
  Status save(const std::string& name, std::string_view text) override;
  Status forget(const std::string& name);
  std::string at(const std::string& name) const;

 private:
  std::string path_;
};

}  // namespace arete::bundle
