#include "bundle/semantic_version.h"

#include <algorithm>
#include <charconv>

namespace arete::bundle {
namespace {

Error no_version(std::string_view text) {
  return {Code::kInvalid, "'" + std::string(text.substr(0, kMaxVersionBytes)) +
                              "' is no semantic version; one looks like 1.4.0 or 1.4.0-rc.1+build.7"};
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_identifier_byte(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-'; }
bool is_number(std::string_view text) { return std::ranges::all_of(text, is_digit); }
bool has_leading_zero(std::string_view text) { return text.size() > 1 && text.front() == '0'; }

// Takes what stands before `mark` off the front; all of it where there is none.
std::string_view take_until(std::string_view& rest, char mark) {
  const std::size_t end = std::min(rest.find(mark), rest.size());
  const std::string_view part = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return part;
}

// "rc.1" taken apart. `numbers_are_strict`: no zeros in front of numbers.
bool split_identifiers(std::string_view text, bool numbers_are_strict, std::vector<std::string>& into) {
  if (text.empty() || text.back() == '.') return false;
  while (!text.empty()) {
    const std::string_view part = take_until(text, '.');
    if (part.empty() || !std::ranges::all_of(part, is_identifier_byte)) return false;
    if (numbers_are_strict && is_number(part) && has_leading_zero(part)) return false;
    into.emplace_back(part);
  }
  return true;
}

std::weak_ordering compare_identifiers(const std::string& a, const std::string& b) {
  const bool a_number = is_number(a);
  if (a_number != is_number(b)) return a_number ? std::weak_ordering::less : std::weak_ordering::greater;
  // Numbers have no zeros in front, so that the longer one is the larger.
  if (a_number && a.size() != b.size()) return a.size() <=> b.size();
  return a <=> b;
}

}  // namespace

Result<SemanticVersion> SemanticVersion::parse(std::string_view text) {
  SemanticVersion version;
  if (text.size() > kMaxVersionBytes) return no_version(text);
  version.text_ = text;
  const std::size_t plus = text.find('+');
  std::vector<std::string> build;
  if (plus != std::string_view::npos && !split_identifiers(text.substr(plus + 1), false, build))
    return no_version(text);
  std::string_view rest = text.substr(0, plus);
  const std::size_t minus = rest.find('-');
  if (minus != std::string_view::npos && !split_identifiers(rest.substr(minus + 1), true, version.before_release_))
    return no_version(text);
  rest = rest.substr(0, minus);
  if (std::ranges::count(rest, '.') != 2 || rest.back() == '.') return no_version(text);
  for (std::uint64_t& number : version.numbers_) {
    const std::string_view part = take_until(rest, '.');
    if (part.empty() || !is_number(part) || has_leading_zero(part)) return no_version(text);
    if (std::from_chars(part.data(), part.data() + part.size(), number).ec != std::errc()) return no_version(text);
  }
  return version;
}

std::weak_ordering SemanticVersion::operator<=>(const SemanticVersion& other) const {
  if (const auto by_number = numbers_ <=> other.numbers_; by_number != 0) return by_number;
  if (before_release_.empty() || other.before_release_.empty())
    return before_release_.empty() <=> other.before_release_.empty();
  return std::lexicographical_compare_three_way(before_release_.begin(), before_release_.end(),
                                                other.before_release_.begin(), other.before_release_.end(),
                                                compare_identifiers);
}

}  // namespace arete::bundle
