// Canonical JSON: the one form of a JSON value whose bytes are signed.
//
// Keys in the order of their bytes, no blanks, only '"' and '\' escaped, no fractions. Not for: reading (core/json.h).
// Threads: pure. Spec: OLPC Canonical JSON (wiki.laptop.org/go/Canonical_JSON), as TUF signs it.
#pragma once

#include <string>

#include "core/json.h"
#include "core/result.h"

namespace arete::bundle {

// kInvalid for numbers that are no integers: they have no canonical form.
Result<std::string> canonical_json(const Json& json);

}  // namespace arete::bundle
