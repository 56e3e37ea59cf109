#include "core/json.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "core/check.h"

namespace arete {
namespace {

using Library = nlohmann::ordered_json;

// Builds our value while the library tokenises; enforces the depth limit and unique keys.
class Builder : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit Builder(const JsonLimits& limits) : limits_(limits) {}

  bool null() override { return add(Json()); }
  bool boolean(bool value) override { return add(Json(value)); }
  bool number_integer(std::int64_t value) override { return add(Json(value)); }
  bool number_unsigned(std::uint64_t value) override {
    if (value <= static_cast<std::uint64_t>(INT64_MAX)) return add(Json(static_cast<std::int64_t>(value)));
    return add(Json(value));
  }
  bool number_float(double value, const std::string& /*text*/) override { return add(Json(value)); }
  bool string(std::string& value) override { return add(Json(std::move(value))); }
  bool binary(binary_t& /*value*/) override { return false; }
  bool start_object(std::size_t /*size*/) override { return open(Json::object()); }
  bool start_array(std::size_t /*size*/) override { return open(Json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(std::string& name) override {
    keys_.back() = std::move(name);
    if (is_new(keys_.back())) return true;
    error_ = {Code::kCorrupt, "JSON: the key \"" + keys_.back() + "\" stands twice in one object"};
    return false;
  }
  bool parse_error(std::size_t /*position*/, const std::string& /*token*/,
                   const nlohmann::detail::exception& failure) override {
    std::string text = failure.what();  // "[json.exception...] parse error at line 1, column 3: ..."
    if (const auto end = text.find("] "); end != std::string::npos) text.erase(0, end + 2);
    error_ = {Code::kCorrupt, "JSON: " + text};
    return false;
  }

  Json take() { return std::move(root_); }
  const Error& error() const { return error_; }

 private:
  bool add(Json value) {
    if (stack_.empty()) {
      root_ = std::move(value);
    } else if (stack_.back().is_array()) {
      stack_.back().as_array().push_back(std::move(value));
    } else {
      stack_.back().as_object().emplace_back(std::move(keys_.back()), std::move(value));
    }
    return true;
  }
  bool open(Json container) {
    if (static_cast<int>(stack_.size()) >= limits_.max_depth) {
      error_ = {Code::kExhausted, "JSON: nested deeper than " + std::to_string(limits_.max_depth)};
      return false;
    }
    stack_.push_back(std::move(container));
    keys_.emplace_back();
    seen_.emplace_back();
    return true;
  }
  bool close() {
    Json done = std::move(stack_.back());
    stack_.pop_back();
    keys_.pop_back();
    seen_.pop_back();
    return add(std::move(done));
  }

  // A hostile object may have a million keys: past a few they are looked up by hash.
  bool is_new(const std::string& key) {
    constexpr std::size_t kFew = 16;
    const Json::Object& members = stack_.back().as_object();
    if (members.size() < kFew) return stack_.back().find(key) == nullptr;
    std::unordered_set<std::string>& seen = seen_.back();
    if (seen.empty()) {
      for (const Json::Member& member : members) seen.insert(member.first);
    }
    return seen.insert(key).second;
  }

  JsonLimits limits_;
  Json root_;
  std::vector<Json> stack_;
  std::vector<std::string> keys_;  // the pending key of each open object
  std::vector<std::unordered_set<std::string>> seen_;
  Error error_{Code::kCorrupt, "JSON: cannot be read"};
};

Library to_library(const Json& json) {
  if (json.is_bool()) return json.as_bool();
  if (json.is_integer()) {
    const std::int64_t value = json.as_int64();
    if (value < 0 && json.as_double() > 0) return json.as_uint64();
    return value;
  }
  if (json.is_number()) return std::isfinite(json.as_double()) ? Library(json.as_double()) : Library(nullptr);
  if (json.is_string()) return json.as_string();
  if (json.is_array()) {
    Library out = Library::array();
    for (const Json& item : json.as_array()) out.push_back(to_library(item));
    return out;
  }
  if (json.is_object()) {
    Library out = Library::object();
    // Behind the map's back, which looks at every member for each new one (keys are unique here).
    Library::object_t::Container& members = out.get_ref<Library::object_t&>();
    for (const auto& [key, value] : json.as_object()) members.emplace_back(key, to_library(value));
    return out;
  }
  return nullptr;
}

Error wrong_member(std::string_view key, std::string_view wanted, const Json* got) {
  if (got == nullptr) return {Code::kInvalid, "\"" + std::string(key) + "\" is missing"};
  return {Code::kInvalid,
          "\"" + std::string(key) + "\" must be a " + std::string(wanted) + ", not a " + std::string(got->type_name())};
}

}  // namespace

Json Json::object(std::initializer_list<Member> members) {
  Json json;
  json.value_ = Object(members.begin(), members.end());
  return json;
}

Result<Json> Json::parse(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.max_bytes) {
    return Error{Code::kExhausted, "JSON: " + std::to_string(text.size()) + " bytes, over the limit of " +
                                       std::to_string(limits.max_bytes)};
  }
  Builder builder(limits);
  if (!nlohmann::json::sax_parse(text.begin(), text.end(), &builder)) return builder.error();
  return builder.take();
}

std::string Json::dump(int indent) const {
  return to_library(*this).dump(indent, ' ', false, Library::error_handler_t::replace);
}

bool Json::is_integer() const {
  return std::holds_alternative<std::int64_t>(value_) || std::holds_alternative<std::uint64_t>(value_);
}

std::string_view Json::type_name() const {
  if (is_null()) return "null";
  if (is_bool()) return "bool";
  if (is_number()) return "number";
  if (is_string()) return "string";
  return is_array() ? "array" : "object";
}

bool Json::as_bool() const {
  CHECK(is_bool());
  return std::get<bool>(value_);
}

double Json::as_double() const {
  CHECK(is_number());
  if (const auto* value = std::get_if<std::int64_t>(&value_)) return static_cast<double>(*value);
  if (const auto* value = std::get_if<std::uint64_t>(&value_)) return static_cast<double>(*value);
  return std::get<double>(value_);
}

std::int64_t Json::as_int64() const {
  CHECK(is_integer());
  if (const auto* value = std::get_if<std::uint64_t>(&value_)) return static_cast<std::int64_t>(*value);
  return std::get<std::int64_t>(value_);
}

std::uint64_t Json::as_uint64() const { return static_cast<std::uint64_t>(as_int64()); }

const std::string& Json::as_string() const {
  CHECK(is_string());
  return std::get<std::string>(value_);
}

const Json::Array& Json::as_array() const {
  CHECK(is_array());
  return std::get<Array>(value_);
}

Json::Array& Json::as_array() {
  CHECK(is_array());
  return std::get<Array>(value_);
}

const Json::Object& Json::as_object() const {
  CHECK(is_object());
  return std::get<Object>(value_);
}

Json::Object& Json::as_object() {
  CHECK(is_object());
  return std::get<Object>(value_);
}

const Json* Json::find(std::string_view key) const {
  if (!is_object()) return nullptr;
  for (const Member& member : std::get<Object>(value_)) {
    if (member.first == key) return &member.second;
  }
  return nullptr;
}

Json& Json::set(std::string key, Json value) {
  if (is_null()) value_ = Object{};
  for (Member& member : as_object()) {
    if (member.first == key) {
      member.second = std::move(value);
      return *this;
    }
  }
  as_object().emplace_back(std::move(key), std::move(value));
  return *this;
}

Json& Json::push_back(Json value) {
  if (is_null()) value_ = Array{};
  as_array().push_back(std::move(value));
  return *this;
}

void append_json_string(std::string& out, std::string_view text) {
  const auto stands_for_itself = [](char c) { return c >= ' ' && c < 127 && c != '"' && c != '\\'; };
  if (!std::ranges::all_of(text, stands_for_itself)) {
    out += Json(text).dump();
    return;
  }
  out += '"';
  out += text;
  out += '"';
}

bool is_utf8(const std::string& text) {
  const Library::error_handler_t replace = Library::error_handler_t::replace;
  // What is not UTF-8 would be replaced, so the text would not come back.
  return Library::parse(Library(text).dump(-1, ' ', false, replace)) == Library(text);
}

Result<std::string> Json::get_string(std::string_view key) const {
  const Json* member = find(key);
  if (member == nullptr || !member->is_string()) return wrong_member(key, "string", member);
  return member->as_string();
}

Result<double> Json::get_number(std::string_view key) const {
  const Json* member = find(key);
  if (member == nullptr || !member->is_number()) return wrong_member(key, "number", member);
  return member->as_double();
}

Result<std::int64_t> Json::get_integer(std::string_view key) const {
  const Json* member = find(key);
  if (member == nullptr || !member->is_integer()) return wrong_member(key, "integer", member);
  return member->as_int64();
}

}  // namespace arete
