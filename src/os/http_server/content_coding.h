// Content codings: bodies that come or go packed, as gzip or deflate.
//
// Called by handlers, away from the I/O thread: packing takes time. Errors map as everywhere (core/error.h): an unknown
// coding is kUnsupported (415), a body that does not unpack kCorrupt (400), one that grows too large kExhausted (413).
// Threads: pure. Limits: the caller's limit_bytes; one coding a body. Spec: RFC 9110, sections 8.4 and 12.5.3.
#pragma once

#include <cstddef>
#include <string_view>

#include "core/result.h"
#include "os/http_server/http_message.h"

namespace arete::os {

inline constexpr std::size_t kMinEncodedBytes = 1024;  // smaller answers go as they are
inline constexpr std::size_t kMaxCodings = 32;         // of an Accept-Encoding that are looked at

// Unpacks the body by its Content-Encoding (gzip, x-gzip, deflate with zlib's wrapping or raw, identity), which is
// removed then. An unpacked body is at most limit_bytes long. A request without the field is left as it is.
Status decode_body(HttpRequest& request, std::size_t limit_bytes);

// Packs the body by the request's Accept-Encoding with its q values, when that makes it smaller; images and bodies that
// have a coding go as they are. Sets Content-Encoding, and Vary wherever the answer depended on the field.
void encode_body(HttpResponse& response, const HttpRequest& request);
// The same, of the field's value alone.
void encode_body(HttpResponse& response, std::string_view accept_encoding);

}  // namespace arete::os
