// TextCursor: a place in a text graph, and the words, names, numbers and bytes that can stand there.
// Inside graph/ only: what they mean is text_read.cpp's. Spaces and comments between words are passed
// over, ends of lines are not. Errors: kInvalid with line and column.
// Threads: one. Ownership: borrows the text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.h"

namespace arete::graph {

class TextCursor {
 public:
  explicit TextCursor(std::string_view text) : text_(text) {}

  Error error(const std::string& what) const;

  // Passes over spaces and comments; the next character, '\n' at the end of a line, '\0' at the end of the text.
  char peek();
  bool at_end() { return peek() == '\0'; }
  void skip_mark();  // the three bytes that some editors put before UTF-8
  bool accept(char wanted);
  bool accept(std::string_view word);  // a whole bare word
  Status expect(char wanted);
  Status expect(std::string_view word);
  Status end_of_line();
  void skip_blank_lines();

  // A bare word as long as it goes, empty where none stands.
  std::string_view bare();
  // Bare or quoted.
  Result<std::string> name();
  // Past a name; false where none stands. Makes no words, so it may be asked at every line.
  bool skip_name();
  // A name and the colon behind it.
  Result<std::string> name_and_colon();
  Result<std::string> quoted();
  // Digits, sign, point, exponent; "inf" and "nan" too. What they mean is for the caller to find out.
  std::string_view number();
  template <class T>
  Result<T> integer();
  // x"00ff"
  Result<std::string> bytes();

  std::size_t place() const { return at_; }
  void go_back(std::size_t place) { at_ = place; }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace arete::graph
