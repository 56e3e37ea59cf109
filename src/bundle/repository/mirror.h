// A TUF repository to read from, in a folder or behind a server, and the folder of what is believed of it.
// docs/formats/repository.md. Threads: one. Blocks.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "bundle/digest.h"
#include "bundle/tuf_client.h"
#include "core/result.h"
#include "os/http_client/http_client.h"

namespace arete::bundle {

// Sees a target's bytes as they come, and judges them when they are all there and as they were signed: what is refused
// does not take its place.
struct TargetCheck {
  os::TakeBody take;
  std::function<Status()> judge;
};

class Mirror {
 public:
  // "http://...", "https://..." or a folder; metadata/ and targets/ lie below it.
  explicit Mirror(std::string place);
  // kInvalid for an address of another kind.
  static Status check_place(const std::string& place);

  // A file below metadata/, as tuf::Fetch has it.
  Result<std::string> metadata(const std::string& name, std::uint64_t max_bytes);
  // A target, where the client says it lies, into a file: whole, and with what is signed of it, or not at all.
  // kUntrusted also for places and hashes that no publisher of ours would sign.
  Status target(const std::string& place, const tuf::FileInfo& info, const std::string& path,
                const TargetCheck& check = {});

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
