#include "bundle/canonical_json.h"

#include <algorithm>
#include <vector>

namespace arete::bundle {
namespace {

void append_text(std::string& out, const std::string& text) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

// Nested as deep as the parser allows (JsonLimits).
Status append(std::string& out, const Json& json);

Status append_object(std::string& out, const Json::Object& object) {
  std::vector<const Json::Member*> members;
  for (const Json::Member& member : object) members.push_back(&member);
  std::ranges::sort(members, {}, [](const Json::Member* member) -> const std::string& { return member->first; });
  out += '{';
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (i != 0) out += ',';
    append_text(out, members[i]->first);
    out += ':';
    RETURN_IF_ERROR(append(out, members[i]->second));
  }
  out += '}';
  return {};
}

Status append_array(std::string& out, const Json::Array& array) {
  out += '[';
  for (std::size_t i = 0; i < array.size(); ++i) {
    if (i != 0) out += ',';
    RETURN_IF_ERROR(append(out, array[i]));
  }
  out += ']';
  return {};
}

Status append(std::string& out, const Json& json) {
  if (json.is_object()) return append_object(out, json.as_object());
  if (json.is_array()) return append_array(out, json.as_array());
  if (json.is_string()) {
    append_text(out, json.as_string());
  } else if (json.is_number() && !json.is_integer()) {
    return Error{Code::kInvalid, "canonical JSON has no fractions: " + json.dump()};
  } else {
    out += json.dump();
  }
  return {};
}

}  // namespace

Result<std::string> canonical_json(const Json& json) {
  std::string out;
  RETURN_IF_ERROR(append(out, json));
  return out;
}

}  // namespace arete::bundle
