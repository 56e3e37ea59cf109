#include "apps/keys_options.h"

#include <chrono>
#include <iostream>

#include "apps/cli.h"

namespace arete::apps {

void add_keys_option(CLI::App& app, std::string& folder) {
  app.add_option("--keys", folder, "the folder of keys")->capture_default_str();
}

void add_root_options(CLI::App& app, std::int64_t& days, std::vector<std::string>& also) {
  app.add_option("--days", days, "so long the root is good for")->check(CLI::Range(1, 36'500))->capture_default_str();
  app.add_option("--with", also, "a private key that lies elsewhere, to sign a root with (may be given again)")
      ->take_all();
}

Status check_not_given(const CLI::App& app, std::initializer_list<const char*> options, const std::string& what) {
  for (const char* const name : options) {
    const CLI::Option* const option = app.get_option_no_throw(name);
    if (option != nullptr && option->count() > 0)
      return Error{Code::kInvalid, std::string(name) + " says nothing of " + what + "; leave it out"};
  }
  return {};
}

Status warn_of(const bundle::KeyFolder& folder) {
  ASSIGN_OR_RETURN(const std::vector<bundle::PassedOver> files, folder.passed_over());
  for (const bundle::PassedOver& file : files)
    std::cerr << "arete: warning: " << file.path << " was passed over: " << file.why << "\n";
  return {};
}

int tell_root(const bundle::RootStep& step, bool json, Json more) {
  const bool is_complete = step.missing.empty();
  if (json) {
    more.set("path", step.path);
    more.set("version", step.version);
    more.set("complete", is_complete);
    if (!is_complete) more.set("missing", step.missing);
    print_json(more);
  } else if (is_complete) {
    std::cout << step.path << ": root " << step.version << ", signed\n";
  } else {
    std::cout << step.path << ": root " << step.version << " is not complete: " << step.missing
              << "\nTake it to where the other root keys lie, with root.json in a folder FOLDER:\n  arete keys sign "
              << step.path << " --keys FOLDER --with ROOT.key\n";
  }
  return is_complete ? kDone : kAnswerIsNo;
}

Json json_of(const std::vector<std::string>& names) {
  Json list = Json::array();
  for (const std::string& name : names) list.push_back(name);
  return list;
}

Json json_of(const bundle::Renewal& renewal) {
  return Json::object({{"name", renewal.name},
                       {"private", renewal.private_key},
                       {"grants", renewal.grants},
                       {"members", json_of(renewal.members)}});
}

void print_renewal(const bundle::Renewal& renewal) {
  std::cout << "group " << renewal.name << " has a new key:\n  " << renewal.private_key << " stays here\n  "
            << renewal.grants << " is for";
  for (std::size_t i = 0; i < renewal.members.size(); ++i) std::cout << (i == 0 ? " " : ", ") << renewal.members[i];
  std::cout << (renewal.members.empty() ? " nobody: it has no members\n" : "\n");
}

std::int64_t now_s() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace arete::apps
