#include "apps/limits.h"

#include <cstdlib>
#include <string>

#include "apps/cli.h"

namespace arete::apps {

namespace {

constexpr double kMostBytes = 1e15;

// CLI11 takes what wraps around, and "nan".
bool is_amount(const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  return end != text.c_str() && value >= 0 && value <= kMostBytes;
}

}  // namespace

void add_memory_limit(CLI::App& app, Limits& limits, const char* own) {
  app.add_option("--memory-limit", limits.memory_bytes,
                 std::string("what it may take, as 2GB; 0: no limit (default: ") + own + ")")
      ->transform(CLI::AsSizeValue(true))
      ->check([](const std::string& text) { return is_amount(text) ? "" : "give a number of bytes, as 500MB or 2GB"; });
}

void add_time_limit(CLI::App& app, Limits& limits) {
  app.add_option("--time-limit", limits.time_s, "seconds until it gives up with exit status 4 (default: no limit)")
      ->check(CLI::Range(0.001, 1e6))
      ->check([](const std::string& text) { return is_amount(text) ? "" : "give a number of seconds"; });
}

std::unique_ptr<os::TimeLimit> start_time_limit(const Limits& limits) {
  if (limits.time_s <= 0) return nullptr;
  std::string seconds = std::to_string(limits.time_s);
  seconds.erase(seconds.find_last_not_of('0') + 1);
  if (seconds.ends_with('.')) seconds.pop_back();
  return std::make_unique<os::TimeLimit>(limits.time_s,
                                         "arete: the model did not end within " + seconds + " s (--time-limit)\n",
                                         describe(Code::kTimeout).exit_status);
}

Status limit_memory(const Limits& limits, std::uint64_t own_bytes) {
  const std::uint64_t bytes = limits.memory_bytes.value_or(own_bytes);
  return bytes == 0 ? Status() : os::limit_memory(bytes);
}

Error explain_memory(Error error, const Limits& limits, std::uint64_t own_bytes) {
  const std::uint64_t bytes = limits.memory_bytes.value_or(own_bytes);
  if (error.code == Code::kExhausted && bytes > 0)
    error.message += " (it was given " + std::to_string(bytes / 1'000'000) + " MB; --memory-limit gives it more)";
  return error;
}

}  // namespace arete::apps
