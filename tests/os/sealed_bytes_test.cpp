// Bytes in memory that nobody changes: what was written is there, and what cannot be is an error.
#include "os/base/sealed_bytes.h"

#include <gtest/gtest.h>

#include <csignal>
#include <limits>
#include <string>

#include "os/base/machine.h"
#include "tests/support/assert.h"

namespace arete::os {
namespace {

std::span<const std::byte> view(std::string_view text) { return std::as_bytes(std::span(text)); }

// In two parts.
WriteContent writes(std::string text) {
  return [text = std::move(text)](const Append& append) -> Status {
    const std::string_view all = text;
    RETURN_IF_ERROR(append(view(all.substr(0, all.size() / 2))));
    return append(view(all.substr(all.size() / 2)));
  };
}

TEST(SealedBytes, HoldWhatWasWritten) {
  const std::string text(100'000, 'm');
  const auto bytes = sealed_bytes(text.size(), writes(text));
  ASSERT_OK(bytes);
  EXPECT_TRUE(std::ranges::equal(bytes->view, view(text)));
  const auto none = sealed_bytes(0, writes(""));
  ASSERT_OK(none);
  EXPECT_TRUE(none->view.empty());
}

TEST(SealedBytes, AreNotWrittenTo) {
  const auto bytes = sealed_bytes(4, writes("four"));
  ASSERT_OK(bytes);
  auto* const first = const_cast<volatile std::byte*>(bytes->view.data());
  EXPECT_DEATH(*first = std::byte{1}, "");
}

TEST(SealedBytes, AreAsManyAsWereSaid) {
  EXPECT_ERROR(sealed_bytes(3, writes("four")), Code::kCorrupt, "4 bytes and says 3");
  EXPECT_ERROR(sealed_bytes(5, writes("four")), Code::kCorrupt, "4 bytes and says 5");
  EXPECT_ERROR(sealed_bytes(4, [](const Append&) -> Status { return Error{Code::kUntrusted, "no"}; }), Code::kUntrusted,
               "no");
}

TEST(SealedBytes, AreRefusedBeforeMemoryIsTaken) {
  bool asked = false;
  const auto write = [&](const Append&) -> Status {
    asked = true;
    return {};
  };
  EXPECT_ERROR(sealed_bytes(std::numeric_limits<std::uint64_t>::max(), write), Code::kExhausted, "bytes of memory");
  EXPECT_FALSE(asked);
}

TEST(Machine, SaysWhatItIsAndHas) {
  EXPECT_TRUE(platform().ends_with("-linux")) << platform();
  EXPECT_GT(available_bytes(), 1'000'000U);
}

}  // namespace
}  // namespace arete::os
