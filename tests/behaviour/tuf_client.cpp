// Our TUF client behind the door that the public conformance suite asks for (bench/tuf runs the suite, tuf_test.py asks
// it about repositories of python-tuf):
//
//   tuf_client --metadata-dir D init ROOT
//   tuf_client --metadata-dir D --metadata-url U refresh
//   tuf_client --metadata-dir D --metadata-url U --target-name T... --target-base-url B --target-dir O download
//
// 0: done; 1: refused, with the reason on stderr. What is trusted lies in D as root.json, timestamp.json, ROLE.json.
#include <chrono>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bundle/repository/mirror.h"
#include "bundle/tuf_client.h"
#include "os/base/files.h"
#include "os/http_client/http_client.h"

using namespace arete;
using bundle::tuf::Client;

namespace {

constexpr std::uint64_t kMaxTargetBytes = std::uint64_t{1} << 30;

struct Arguments {
  std::string metadata_dir, metadata_url, target_base_url, target_dir;
  std::vector<std::string> targets;
  std::vector<std::string> words;  // the verb, and what follows it
};

std::string below(const std::string& url, const std::string& path) {
  return url + (url.ends_with('/') ? "" : "/") + path;
}

// Stores without a listing say 403 for what is not there.
Result<std::string> fetch(os::HttpClient& http, const std::string& url, std::uint64_t max_bytes) {
  ASSIGN_OR_RETURN(os::HttpAnswer answer, http.get(url, max_bytes));
  if (answer.status == 200) return std::move(answer.body);
  const Code code = answer.status == 404 || answer.status == 403 ? Code::kNotFound : Code::kUnavailable;
  return Error{code, url + " answers " + std::to_string(answer.status)};
}

Status download(Client& client, os::HttpClient& http, const Arguments& given, const std::string& name) {
  ASSIGN_OR_RETURN(const std::optional<bundle::tuf::FileInfo> target, client.find_target(name));
  if (!target) return Error{Code::kNotFound, "nobody signs for '" + name + "'"};
  const std::string path = os::join_path(given.target_dir, bundle::tuf::file_name_of(name));
  const Result<std::string> there = os::read_file(os::real_file_system(), path, kMaxTargetBytes);
  if (there && target->check(name, *there)) return {};
  const std::string url = below(given.target_base_url, client.place_of(name, *target));
  ASSIGN_OR_RETURN(const std::string bytes, fetch(http, url, target->length.value_or(0)));
  RETURN_IF_ERROR(target->check(name, bytes));
  return os::write_text(os::real_file_system(), path, bytes);
}

Status run(const Arguments& given) {
  bundle::TrustFolder folder(given.metadata_dir);
  if (given.words.size() == 2 && given.words[0] == "init") {
    ASSIGN_OR_RETURN(const std::string root,
                     os::read_file(os::real_file_system(), given.words[1], bundle::tuf::kMaxRootBytes));
    return folder.save("root.json", root);
  }
  const std::string verb = given.words.size() == 1 ? given.words[0] : "";
  if (verb != "refresh" && verb != "download")
    return Error{Code::kInvalid, "the verbs are init ROOT, refresh and download"};
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const std::unique_ptr<os::HttpClient> http = os::make_http_client();
  ASSIGN_OR_RETURN(Client client, Client::open(folder,
                                               [&](const std::string& name, std::uint64_t max_bytes) {
                                                 return fetch(*http, below(given.metadata_url, name), max_bytes);
                                               },
                                               {std::chrono::duration_cast<std::chrono::seconds>(now).count(), 0}));
  RETURN_IF_ERROR(client.refresh());
  if (verb == "refresh") return {};
  for (const std::string& name : given.targets) RETURN_IF_ERROR(download(client, *http, given, name));
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  Arguments given;
  const std::map<std::string, std::function<void(std::string)>> options = {
      {"--metadata-dir", [&](std::string value) { given.metadata_dir = std::move(value); }},
      {"--metadata-url", [&](std::string value) { given.metadata_url = std::move(value); }},
      {"--target-base-url", [&](std::string value) { given.target_base_url = std::move(value); }},
      {"--target-dir", [&](std::string value) { given.target_dir = std::move(value); }},
      {"--target-name", [&](std::string value) { given.targets.push_back(std::move(value)); }}};
  for (int i = 1; i < argc; ++i) {
    const auto option = options.find(argv[i]);
    if (option == options.end()) {
      given.words.emplace_back(argv[i]);
    } else if (i + 1 < argc) {
      option->second(argv[++i]);
    }
  }
  const Status done = run(given);
  if (!done) std::cerr << "tuf_client: " << to_string(done.error()) << "\n";
  return done ? 0 : 1;
}
