#include "engine/onnxruntime/words.h"

#include <algorithm>
#include <cctype>
#include <cstddef>

namespace arete::engine {
namespace {

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\t'; }

// Where the word that starts at `at` ends.
std::size_t word_end(std::string_view words, std::size_t at) {
  while (at < words.size() && !is_space(words[at])) ++at;
  return at;
}

std::size_t skip_spaces(std::string_view words, std::size_t at) {
  while (at < words.size() && is_space(words[at])) ++at;
  return at;
}

// "graph.cc:1876" or "/a/b/helper.h:47".
bool is_source_place(std::string_view word) {
  const std::size_t colon = word.rfind(':');
  if (colon == std::string_view::npos || colon + 1 == word.size()) return false;
  const std::string_view file = word.substr(0, colon);
  const std::string_view line = word.substr(colon + 1);
  return (file.ends_with(".cc") || file.ends_with(".h") || file.ends_with(".cpp")) &&
         std::ranges::all_of(line, [](unsigned char c) { return std::isdigit(c) != 0; });
}

// Behind a full path stands a whole signature, "T ns::f(int, int) const [with U = int]"; behind a
// bare file name one word. Returns where the sentence goes on.
std::size_t skip_function(std::string_view words, std::size_t at, bool whole_signature) {
  if (!whole_signature) return skip_spaces(words, word_end(words, at));
  const std::size_t start = at;
  int depth = 0;
  bool closed = false;
  for (; at < words.size() && !(closed && depth == 0); ++at) {
    if (words[at] == '(') ++depth;
    if (words[at] == ')' && depth > 0) closed = --depth == 0;
  }
  if (!closed) return skip_spaces(words, word_end(words, start));
  at = skip_spaces(words, at);
  if (words.substr(at).starts_with("const")) at = skip_spaces(words, word_end(words, at));
  if (words.substr(at).starts_with("[with ")) {
    const std::size_t end = words.find(']', at);
    if (end != std::string_view::npos) at = skip_spaces(words, end + 1);
  }
  return at;
}

// "a == b was false. Because of this" -> where "Because" starts, when there is such a sentence.
std::size_t skip_condition(std::string_view words, std::size_t at) {
  constexpr std::string_view kFalse = " was false. ";
  const std::size_t found = words.find(kFalse, at);
  const bool has_reason = found != std::string_view::npos && found + kFalse.size() < words.size();
  return has_reason ? found + kFalse.size() : at;
}

// "[ONNXRuntimeError] : 1 : FAIL : rest" -> where "rest" starts.
std::size_t skip_prefix(std::string_view words, std::size_t at) {
  for (int colons = 0; colons < 3 && at != std::string_view::npos; ++colons) {
    at = words.find(" : ", at);
    if (at != std::string_view::npos) at += 3;
  }
  return at == std::string_view::npos ? words.size() : at;
}

}  // namespace

std::string trim_engine_words(std::string_view words) {
  std::string out;
  for (std::size_t at = skip_spaces(words, 0); at < words.size();) {
    const std::size_t end = word_end(words, at);
    const std::string_view word = words.substr(at, end - at);
    if (word == "[ONNXRuntimeError]") {
      at = skip_prefix(words, at);
    } else if (is_source_place(word)) {
      at = skip_function(words, skip_spaces(words, end), word.starts_with('/'));
      at = skip_condition(words, at);
    } else {
      out += (out.empty() ? "" : " ") + std::string(word);
      at = skip_spaces(words, end);
    }
  }
  if (out.size() > kMaxEngineWords) out.replace(kMaxEngineWords, std::string::npos, "...");
  return out;
}

}  // namespace arete::engine
