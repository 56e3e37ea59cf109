#include "graph/text_cursor.h"

#include <algorithm>
#include <charconv>

#include "core/hex.h"

namespace arete::graph {
namespace {

bool is_bare(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c == '.' ||
         c == '/' || c == ':';
}

}  // namespace

Error TextCursor::error(const std::string& what) const {
  const std::string_view before = text_.substr(0, at_);
  const std::size_t line_start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  return {Code::kInvalid, "line " + std::to_string(std::ranges::count(before, '\n') + 1) + ", column " +
                              std::to_string(at_ - line_start + 1) + ": " + what};
}

char TextCursor::peek() {
  while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\r')) ++at_;
  if (at_ < text_.size() && text_[at_] == '#') at_ = std::min(text_.find('\n', at_), text_.size());
  return at_ < text_.size() ? text_[at_] : '\0';
}

void TextCursor::skip_mark() {
  if (text_.substr(at_).starts_with("\xEF\xBB\xBF")) at_ += 3;
}

bool TextCursor::accept(char wanted) {
  if (peek() != wanted || wanted == '\0') return false;
  ++at_;
  return true;
}

bool TextCursor::accept(std::string_view word) {
  const std::size_t start = at_;
  if (bare() == word) return true;
  at_ = start;
  return false;
}

Status TextCursor::expect(char wanted) {
  if (accept(wanted)) return {};
  return error(std::string("expected '") + wanted + "'");
}

Status TextCursor::expect(std::string_view word) {
  if (accept(word)) return {};
  return error("expected '" + std::string(word) + "'");
}

Status TextCursor::end_of_line() {
  if (at_end() || accept('\n')) return {};
  return error("expected the end of the line");
}

void TextCursor::skip_blank_lines() {
  while (accept('\n')) continue;
}

std::string_view TextCursor::bare() {
  peek();
  const std::size_t start = at_;
  while (at_ < text_.size() && is_bare(text_[at_])) ++at_;
  return text_.substr(start, at_ - start);
}

Result<std::string> TextCursor::name() {
  if (peek() == '"') return quoted();
  const std::string_view word = bare();
  if (word.empty()) return error("expected a name (one that is not plain stands between double quotes)");
  return std::string(word);
}

bool TextCursor::skip_name() {
  if (peek() != '"') return !bare().empty();
  for (++at_; at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\n'; ++at_) {
    if (text_[at_] == '\\') ++at_;
  }
  return accept('"');
}

Result<std::string> TextCursor::name_and_colon() {
  const bool is_quoted = peek() == '"';
  ASSIGN_OR_RETURN(std::string name, this->name());
  if (is_quoted || !name.ends_with(':')) {
    RETURN_IF_ERROR(expect(':'));
    return name;
  }
  name.pop_back();
  if (name.empty()) return error("expected a name before ':'");
  return name;
}

Result<std::string> TextCursor::quoted() {
  RETURN_IF_ERROR(expect('"'));
  std::string result;
  while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\n') {
    if (text_[at_] != '\\') {
      result += text_[at_++];
      continue;
    }
    const std::string_view escape = text_.substr(at_ + 1, 3);
    if (!escape.empty() && (escape[0] == '"' || escape[0] == '\\')) {
      result += escape[0];
      at_ += 2;
    } else if (escape.size() == 3 && escape[0] == 'x' && hex_digit(escape[1]) >= 0 && hex_digit(escape[2]) >= 0) {
      result += static_cast<char>(hex_digit(escape[1]) * 16 + hex_digit(escape[2]));
      at_ += 4;
    } else {
      return error("only \\\", \\\\ and \\x with two hexadecimal digits may stand here");
    }
  }
  if (at_ == text_.size() || text_[at_] != '"') return error("a string is not closed");
  ++at_;
  return result;
}

std::string_view TextCursor::number() {
  peek();
  const std::size_t start = at_;
  const auto goes_on = [this](char c) {
    const bool sign = c == '-' || c == '+';
    if (sign) return text_[at_ - 1] == 'e' || text_[at_ - 1] == 'E';
    return is_bare(c) && c != '/';
  };
  if (at_ < text_.size() && text_[at_] == '-') ++at_;
  while (at_ < text_.size() && (at_ > start || is_bare(text_[at_])) && goes_on(text_[at_])) ++at_;
  return text_.substr(start, at_ - start);
}

template <class T>
Result<T> TextCursor::integer() {
  const std::size_t start = at_;
  const std::string_view digits = number();
  T value{};
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (failure == std::errc() && end == digits.data() + digits.size()) return value;
  at_ = start;
  peek();
  return error("expected an integer of its range");
}
template Result<std::int64_t> TextCursor::integer<std::int64_t>();
template Result<std::uint64_t> TextCursor::integer<std::uint64_t>();

Result<std::string> TextCursor::bytes() {
  if (peek() == 'f' && text_.substr(at_).starts_with("fnv1a=")) {
    Error failure = error("only a fingerprint of these bytes is here; print the model in the complete form");
    failure.code = Code::kUnsupported;
    return failure;
  }
  if (!text_.substr(at_).starts_with("x\"")) return error("expected bytes: x\"...\"");
  at_ += 2;
  const std::size_t end = text_.find('"', at_);
  if (end == std::string_view::npos) return error("bytes are not closed");
  if ((end - at_) % 2 != 0) return error("bytes have an odd number of hexadecimal digits");
  std::string result;
  result.reserve((end - at_) / 2);
  for (; at_ < end; at_ += 2) {
    const int high = hex_digit(text_[at_]);
    const int low = hex_digit(text_[at_ + 1]);
    if (high < 0 || low < 0) return error("expected two hexadecimal digits");
    result += static_cast<char>(high * 16 + low);
  }
  ++at_;
  return result;
}

}  // namespace arete::graph
