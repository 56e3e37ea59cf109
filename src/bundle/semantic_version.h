// SemanticVersion: "1.4.0-rc.1+build.7", which of two is newer, and what is none.
//
// Threads: values. Limits: kMaxVersionBytes. Spec: semver.org 2.0.0 (sections 2, 9, 10 and 11).
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace arete::bundle {

inline constexpr std::size_t kMaxVersionBytes = 128;

class SemanticVersion {
 public:
  // kInvalid saying what a version looks like.
  static Result<SemanticVersion> parse(std::string_view text);

  const std::string& text() const { return text_; }
  // By precedence: what stands behind '+' does not count, so that two texts may be equivalent.
  std::weak_ordering operator<=>(const SemanticVersion& other) const;

 private:
  std::string text_;
  std::array<std::uint64_t, 3> numbers_ = {};
  std::vector<std::string> before_release_;  // "rc", "1"; empty: a release
};

}  // namespace arete::bundle
