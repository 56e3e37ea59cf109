// Json: a JSON value of our own, so that no other file needs to know which library parses it.
//
// Integers keep all 64 bits; objects keep their order and refuse duplicate keys on parsing.
// Not for: the hot path of large tensor requests (a later streaming parser's job).
// Threads: a value. Limits: JsonLimits. Spec: RFC 8259.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/result.h"

namespace arete {

struct JsonLimits {
  std::size_t max_bytes = std::size_t{64} << 20;
  int max_depth = 64;
};

class Json {
 public:
  using Array = std::vector<Json>;
  using Member = std::pair<std::string, Json>;
  using Object = std::vector<Member>;

  Json() = default;                                              // null
  Json(std::nullptr_t) {}                                        // NOLINT: implicit, all of these
  Json(bool value) : value_(value) {}                            // NOLINT
  Json(int value) : value_(static_cast<std::int64_t>(value)) {}  // NOLINT
  Json(std::int64_t value) : value_(value) {}                    // NOLINT
  Json(std::uint64_t value) : value_(value) {}                   // NOLINT
  Json(double value) : value_(value) {}                          // NOLINT
  Json(const char* value) : value_(std::string(value)) {}        // NOLINT
  Json(std::string_view value) : value_(std::string(value)) {}   // NOLINT
  Json(std::string value) : value_(std::move(value)) {}          // NOLINT
  Json(Array value) : value_(std::move(value)) {}                // NOLINT
  static Json object(std::initializer_list<Member> members = {});
  static Json array() { return Array{}; }

  // kCorrupt with line and column for bad text, kExhausted over a limit.
  static Result<Json> parse(std::string_view text, const JsonLimits& limits = {});
  // One line when indent < 0. Bytes that are not UTF-8 are replaced; NaN and infinities become null.
  std::string dump(int indent = -1) const;

  bool is_null() const { return std::holds_alternative<std::nullptr_t>(value_); }
  bool is_bool() const { return std::holds_alternative<bool>(value_); }
  bool is_number() const { return is_integer() || std::holds_alternative<double>(value_); }
  bool is_integer() const;
  bool is_string() const { return std::holds_alternative<std::string>(value_); }
  bool is_array() const { return std::holds_alternative<Array>(value_); }
  bool is_object() const { return std::holds_alternative<Object>(value_); }
  std::string_view type_name() const;  // "null", "bool", "number", "string", "array", "object"

  // CHECK that the type fits: test with is_*() first for outside input.
  bool as_bool() const;
  double as_double() const;       // any number
  std::int64_t as_int64() const;  // an integer; values over 2^63-1 wrap (see is_uint64)
  std::uint64_t as_uint64() const;
  const std::string& as_string() const;
  const Array& as_array() const;
  Array& as_array();
  const Object& as_object() const;
  Object& as_object();

  // A member, or nullptr when this is no object or has no such key.
  const Json* find(std::string_view key) const;
  // Sets a member of an object (a null becomes an object).
  Json& set(std::string key, Json value);
  // Appends to an array (a null becomes an array).
  Json& push_back(Json value);

  // Typed members with errors that name the key: kInvalid when absent or of another type.
  Result<std::string> get_string(std::string_view key) const;
  Result<double> get_number(std::string_view key) const;
  Result<std::int64_t> get_integer(std::string_view key) const;

 private:
  std::variant<std::nullptr_t, bool, std::int64_t, std::uint64_t, double, std::string, Array, Object> value_ = nullptr;
};

// Adds the text as a JSON string, with its quotes. Bytes that are not UTF-8 are replaced.
void append_json_string(std::string& out, std::string_view text);

// True for valid UTF-8, the only text that JSON can carry unchanged.
bool is_utf8(const std::string& text);

}  // namespace arete
