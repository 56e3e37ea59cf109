// A TUF repository to read from, in a folder or behind a server, and the folder of what is believed of it.
// docs/formats/repository.md. Threads: one. Blocks.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "bundle/digest.h"
#include "bundle/tuf_client.h"
#include "core/result.h"
#include "os/http_client/http_client.h"

namespace arete::bundle {

class Mirror {
 public:
  // "http://...", "https://..." or a folder; metadata/ and targets/ lie below it.
  explicit Mirror(std::string place);

  // A file below metadata/, as tuf::Fetch has it.
  Result<std::string> metadata(const std::string& name, std::uint64_t max_bytes);
  // A target, where the client says it lies, into a file: whole, and with what is signed of it, or not at all.
  Status target(const std::string& place, const tuf::FileInfo& info, const std::string& path);

 private:
  Status read(const std::string& name, std::uint64_t max_bytes, const os::TakeBody& take);

  std::string place_;
  std::unique_ptr<os::HttpClient> http_;  // nullptr: a folder
};

class TrustFolder final : public tuf::Kept {
 public:
  explicit TrustFolder(std::string path) : path_(std::move(path)) {}
  Result<std::string> load(const std::string& name) override;
  Status save(const std::string& name, std::string_view text) override;

 private:
  std::string path_;
};

}  // namespace arete::bundle
