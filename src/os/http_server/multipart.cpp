#include "os/http_server/multipart.h"

#include <algorithm>

#include "os/http_server/http_message.h"

namespace arete::os {
namespace {

constexpr std::string_view kLineEnd = "\r\n";

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") + 1 - first);
}

// Reads a parameter's value at the front of `rest` (quoted or a token) and removes it.
std::string take_value(std::string_view& rest) {
  std::string value;
  if (!rest.starts_with('"')) {
    const std::string_view token = rest.substr(0, rest.find(';'));
    rest.remove_prefix(token.size());
    return std::string(trim(token));
  }
  std::size_t i = 1;
  for (; i < rest.size() && rest[i] != '"'; ++i) {
    // Only quotes and backslashes are escaped: old browsers send "C:\dir\file" unescaped.
    const bool escape = rest[i] == '\\' && i + 1 < rest.size() && (rest[i + 1] == '"' || rest[i + 1] == '\\');
    if (escape) ++i;
    value.push_back(rest[i]);
  }
  rest.remove_prefix(std::min(rest.size(), i + 1));
  return value;
}

Result<std::string> find_boundary(std::string_view content_type) {
  bool found = false;
  std::string boundary = header_parameter(content_type, "boundary", &found);
  if (!found || boundary.empty()) {
    return Error{Code::kInvalid, "multipart: the Content-Type names no boundary"};
  }
  if (boundary.size() > kMaxBoundaryBytes) {
    return Error{Code::kInvalid,
                 "multipart: the boundary is longer than " + std::to_string(kMaxBoundaryBytes) + " bytes"};
  }
  return boundary;
}

// What a boundary line says: a part follows, or it was the last.
enum class Tail { kLast, kPart };

// Finds the next whole boundary line. Returns what stands before it and leaves `rest` behind it.
// Bytes that only begin like one belong to the content.
Result<std::string_view> take_content(std::string_view& rest, std::string_view delimiter, Tail& tail) {
  for (std::size_t at = rest.find(delimiter); at != std::string_view::npos; at = rest.find(delimiter, at + 1)) {
    const std::size_t behind = at + delimiter.size();
    const std::size_t padding = std::min(rest.find_first_not_of(" \t", behind), rest.size());
    const bool last = rest.substr(behind).starts_with("--");
    if (!last && !rest.substr(padding).starts_with(kLineEnd)) continue;
    tail = last ? Tail::kLast : Tail::kPart;
    const std::string_view content = rest.substr(0, at);
    rest.remove_prefix(last ? behind + 2 : padding + kLineEnd.size());
    return content;
  }
  return Error{Code::kCorrupt, "multipart: the body ends before the last boundary line"};
}

// True when the field names the part.
bool read_disposition(std::string_view value, Part& part) {
  if (!same_ignoring_case(trim(value.substr(0, value.find(';'))), "form-data")) return false;
  bool found = false;
  part.name = header_parameter(value, "name", &found);
  part.file_name = header_parameter(value, "filename", &part.has_file_name);
  if (!part.has_file_name) part.file_name = header_parameter(value, "filename*", &part.has_file_name);
  return found;
}

// Reads the header lines of a part off `rest`, which is left at the part's first byte.
Status read_head(std::string_view& rest, Part& part) {
  bool named = false;
  std::string_view head = rest.substr(0, kMaxPartHeadBytes);
  while (!head.starts_with(kLineEnd)) {
    const std::size_t end = head.find(kLineEnd);
    if (end == std::string_view::npos) {
      return Error{Code::kCorrupt, "multipart: the header lines of a part do not end within " +
                                       std::to_string(kMaxPartHeadBytes) + " bytes"};
    }
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(end + kLineEnd.size());
    const std::size_t colon = std::min(line.find(':'), line.size());
    const std::string_view name = trim(line.substr(0, colon));
    const std::string_view value = trim(line.substr(std::min(colon + 1, line.size())));
    if (same_ignoring_case(name, "content-type")) part.content_type = std::string(value);
    if (same_ignoring_case(name, "content-disposition")) named = read_disposition(value, part);
  }
  if (!named) return Error{Code::kInvalid, "multipart: a part has no name in its Content-Disposition"};
  rest.remove_prefix(static_cast<std::size_t>(head.data() - rest.data()) + kLineEnd.size());
  return {};
}

}  // namespace

std::string header_parameter(std::string_view field, std::string_view name, bool* found) {
  if (found != nullptr) *found = false;
  std::string_view rest = field.substr(std::min(field.find(';'), field.size()));
  while (rest.starts_with(';')) {
    rest.remove_prefix(1);
    const std::size_t equals = rest.find_first_of("=;");
    if (equals == std::string_view::npos) return "";
    const std::string_view key = trim(rest.substr(0, equals));
    rest.remove_prefix(equals);
    if (rest.starts_with(';')) continue;
    rest.remove_prefix(1);
    rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
    std::string value = take_value(rest);
    rest.remove_prefix(std::min(rest.find(';'), rest.size()));
    if (!same_ignoring_case(key, name)) continue;
    if (found != nullptr) *found = true;
    return value;
  }
  return "";
}

Result<std::vector<Part>> parse_multipart(std::string_view body, std::string_view content_type) {
  ASSIGN_OR_RETURN(const std::string boundary, find_boundary(content_type));
  const std::string delimiter = "\r\n--" + boundary;
  std::string_view rest = body;
  Tail tail = Tail::kPart;
  // The first boundary line may stand at the very start; what stands before it is dropped.
  const std::string_view first = std::string_view(delimiter).substr(body.starts_with("--") ? kLineEnd.size() : 0);
  if (!take_content(rest, first, tail)) {
    return Error{Code::kCorrupt, "multipart: the boundary of the Content-Type does not appear in the body"};
  }
  std::vector<Part> parts;
  while (tail != Tail::kLast) {
    if (parts.size() >= kMaxParts) {
      return Error{Code::kExhausted, "multipart: more than " + std::to_string(kMaxParts) + " parts"};
    }
    Part part;
    RETURN_IF_ERROR(read_head(rest, part));
    ASSIGN_OR_RETURN(part.body, take_content(rest, delimiter, tail));
    parts.push_back(std::move(part));
  }
  return parts;
}

}  // namespace arete::os
