// Result, its macros, and the table of error codes.
#include "core/result.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>

#include "tests/support/assert.h"

namespace arete {
namespace {

Result<int> half_of(int number) {
  if (number % 2 != 0) return Error{Code::kInvalid, std::to_string(number) + " is odd"};
  return number / 2;
}

Result<int> quarter_of(int number) {
  ASSIGN_OR_RETURN(const int half, half_of(number));
  ASSIGN_OR_RETURN(const int quarter, half_of(half));
  return quarter;
}

Status check_even(int number) {
  RETURN_IF_ERROR(half_of(number));
  return {};
}

TEST(Result, CarriesAValueOrAnError) {
  EXPECT_EQ(*quarter_of(12), 3);
  EXPECT_ERROR(quarter_of(6), Code::kInvalid, "3 is odd");
  EXPECT_TRUE(check_even(2).has_value());
  EXPECT_ERROR(check_even(3), Code::kInvalid, "3 is odd");
  EXPECT_EQ(half_of(3).value_or(-1), -1);
  EXPECT_EQ(half_of(4).value_or(-1), 2);
}

TEST(Result, MovesWhatCannotBeCopied) {
  Result<std::unique_ptr<int>> made = std::make_unique<int>(5);
  const std::unique_ptr<int> taken = std::move(*made);
  EXPECT_EQ(*taken, 5);
  const auto hand_on = [](Result<std::unique_ptr<int>> from) -> Result<std::unique_ptr<int>> {
    ASSIGN_OR_RETURN(std::unique_ptr<int> inner, std::move(from));
    return inner;
  };
  EXPECT_EQ(**hand_on(std::make_unique<int>(6)), 6);
}

TEST(Result, PutsContextInFront) {
  const Error error = with_context({Code::kIo, "no space"}, "a.onnx");
  EXPECT_EQ(error.code, Code::kIo);
  EXPECT_EQ(to_string(error), "io: a.onnx: no space");
}

TEST(ResultDeathTest, StopsAProcessThatTakesWhatIsNotThere) {
  EXPECT_DEATH(static_cast<void>(*half_of(3)), "arete: bug");
  EXPECT_DEATH(static_cast<void>(half_of(2).error()), "arete: bug");
  EXPECT_DEATH(static_cast<void>(Status().error()), "arete: bug");
}

TEST(Codes, HaveOneRowEachInOrder) {
  std::set<std::string_view> names;
  for (int number = 0; number <= static_cast<int>(Code::kBug); ++number) {
    const CodeRow& row = describe(static_cast<Code>(number));
    EXPECT_EQ(static_cast<int>(row.code), number);
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_GE(row.http_status, 400);
    EXPECT_GE(row.exit_status, 3);
    EXPECT_LE(row.exit_status, 5);
  }
}

}  // namespace
}  // namespace arete
