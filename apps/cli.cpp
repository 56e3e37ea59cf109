#include "apps/cli.h"

#include <iostream>

#include "os/base/files.h"
#include "os/base/machine.h"

namespace arete::apps {

std::optional<int> parse(CLI::App& app, int argc, char** argv) {
  os::ignore_size_signal();
  try {
    app.parse(argc, argv);
    return std::nullopt;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {  // --help
      app.exit(error, std::cout, std::cerr);
      return kDone;
    }
    const std::vector<CLI::App*> verbs = app.get_subcommands();
    const std::string verb = verbs.empty() ? "" : " " + verbs.front()->get_name();
    std::cerr << "arete: " << error.what() << "; " << app.get_name() << verb << " --help explains\n";
    return kUsage;
  }
}

int run_one_of(CLI::App& app, int argc, char** argv, std::span<const Subverb> verbs) {
  app.require_subcommand(1);
  if (const auto status = parse(app, argc, argv)) return *status;
  for (const Subverb& verb : verbs) {
    if (verb.app->parsed()) return verb.run();
  }
  return kUsage;
}

void add_json_option(CLI::App& app, bool& json) { app.add_flag("--json", json, "one JSON object on the last line"); }

std::string is_percent(const std::string& text) {
  double value = 0;
  const bool is_number = CLI::detail::lexical_cast(text, value);
  return is_number && value >= 0 && value <= 100 ? "" : "'" + text + "' must be a number from 0 to 100";
}

int fail(const Error& error) {
  std::cerr << "arete: " << error.message << "\n";
  return describe(error.code).exit_status;
}

void print_json(const Json& json) { std::cout << json.dump() << std::endl; }

ProgressLine::~ProgressLine() { clear(); }

void ProgressLine::show(const std::string& step, std::int64_t done, std::int64_t total) {
  constexpr std::int64_t kEveryNs = 100'000'000;
  constexpr std::int64_t kWidth = 24;
  const std::int64_t now = os::real_clock().now_ns();
  if (!os::is_terminal(2) || now - last_ns_ < kEveryNs) return;
  last_ns_ = now;
  shown_ = true;
  const std::int64_t filled = total > 0 ? kWidth * std::min(done, total) / total : 0;
  std::string bar(static_cast<std::size_t>(filled), '#');
  bar.resize(kWidth, '.');
  std::cerr << "\r\x1b[K  " << step << "  [" << bar << "] " << done;
  if (total > 0) std::cerr << " / " << total;
  std::cerr << std::flush;
}

void ProgressLine::clear() {
  if (shown_) std::cerr << "\r\x1b[K" << std::flush;
  shown_ = false;
}

}  // namespace arete::apps
