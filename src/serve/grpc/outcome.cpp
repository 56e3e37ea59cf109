#include "serve/grpc/outcome.h"

#include <array>
#include <cstddef>
#include <string>

#include "core/json.h"

namespace arete::serve {
namespace {

constexpr std::size_t kMaxMessageBytes = 2048;  // it travels as metadata, of which clients take little

// By Code, in its order.
constexpr std::array<grpc::StatusCode, 12> kCodes = {{
    grpc::StatusCode::INVALID_ARGUMENT,     // kInvalid
    grpc::StatusCode::NOT_FOUND,            // kNotFound
    grpc::StatusCode::FAILED_PRECONDITION,  // kConflict
    grpc::StatusCode::UNIMPLEMENTED,        // kUnsupported
    grpc::StatusCode::INVALID_ARGUMENT,     // kCorrupt
    grpc::StatusCode::PERMISSION_DENIED,    // kUntrusted
    grpc::StatusCode::UNAVAILABLE,          // kUnavailable
    grpc::StatusCode::DEADLINE_EXCEEDED,    // kTimeout
    grpc::StatusCode::RESOURCE_EXHAUSTED,   // kExhausted
    grpc::StatusCode::CANCELLED,            // kCancelled
    grpc::StatusCode::INTERNAL,             // kIo
    grpc::StatusCode::INTERNAL,             // kBug
}};

// Whole letters, as many as there is room for.
std::string shortened(std::string text) {
  if (text.size() <= kMaxMessageBytes) return text;
  text.resize(kMaxMessageBytes);
  while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xC0U) == 0x80U) text.pop_back();
  if (!text.empty()) text.pop_back();
  return text + "...";
}

}  // namespace

Outcome outcome_of(const Error& error) {
  const int number = error.code == Code::kUnsupported ? 501 : describe(error.code).http_status;
  return {grpc::Status(kCodes.at(static_cast<std::size_t>(error.code)), shortened(error.message)), number};
}

Outcome outcome_of(const os::HttpResponse& refusal) {
  const grpc::StatusCode code =
      refusal.status == 401 ? grpc::StatusCode::UNAUTHENTICATED : grpc::StatusCode::PERMISSION_DENIED;
  const Result<Json> said = Json::parse(refusal.body);
  const Json* const error = said ? said->find("error") : nullptr;
  const bool is_text = error != nullptr && error->is_string();
  return {grpc::Status(code, is_text ? shortened(error->as_string()) : "not allowed"), refusal.status};
}

}  // namespace arete::serve
