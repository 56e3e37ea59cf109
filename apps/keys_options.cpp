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
  app.add_option("--with", also, "a private key that lies elsewhere, to sign with (may be given again)")->take_all();
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
              << "\nTake it to where the other root keys lie:\n  arete keys sign " << step.path << " --with ROOT.key\n";
  }
  return is_complete ? kDone : kAnswerIsNo;
}

std::int64_t now_s() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace arete::apps
