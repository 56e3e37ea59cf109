// What every verb shares: exit statuses, error words, JSON on the last line, options that several
// verbs have. Not for: what a verb does.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "core/json.h"
#include "core/result.h"

namespace arete::apps {

// Exit statuses that scripts rely on (DESIGN 5). Errors map through core/error.h.
inline constexpr int kDone = 0;
inline constexpr int kAnswerIsNo = 1;
inline constexpr int kUsage = 2;

// Parses, and maps CLI11's own statuses: nothing when the verb may go on, else the exit status.
std::optional<int> parse(CLI::App& app, int argc, char** argv);

// A verb of a verb: its options, and what to do when it was asked for.
struct Subverb {
  CLI::App* app;             // borrowed from its parent
  std::function<int()> run;  // -> exit status
};
// Parses, and runs the one that was asked for.
int run_one_of(CLI::App& app, int argc, char** argv, std::span<const Subverb> verbs);

// --json, as every verb has it.
void add_json_option(CLI::App& app, bool& json);

// For CLI::Option::check: empty where the text is a number from 0 to 100. (CLI::Range lets NaN through.)
std::string is_percent(const std::string& text);

// Prints "arete: <message>" on stderr and returns the exit status of the error's code.
int fail(const Error& error);

// stdout's last line: one JSON object.
void print_json(const Json& json);

// A progress line on stderr when a person looks at it; silent else. Calls may come often.
class ProgressLine {
 public:
  ~ProgressLine();
  void show(const std::string& step, std::int64_t done, std::int64_t total);
  void clear();

 private:
  bool shown_ = false;
  std::int64_t last_ns_ = 0;
};

}  // namespace arete::apps
