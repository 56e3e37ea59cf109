// Small helpers of the tests: a Result must hold a value or a given error.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "core/result.h"
#include "tests/support/paths.h"

// Fails the test and returns from it unless the Result holds a value.
#define ASSERT_OK(expression)                                                    \
  do {                                                                           \
    const auto& ok_result = (expression);                                        \
    ASSERT_TRUE(ok_result.has_value()) << ::arete::to_string(ok_result.error()); \
  } while (false)

// `expression` fails with `wanted` and a message that holds `text`.
#define EXPECT_ERROR(expression, wanted, text)                                            \
  do {                                                                                    \
    const auto& bad_result = (expression);                                                \
    ASSERT_FALSE(bad_result.has_value()) << "expected an error";                          \
    EXPECT_EQ(bad_result.error().code, wanted) << ::arete::to_string(bad_result.error()); \
    EXPECT_NE(bad_result.error().message.find(text), std::string::npos)                   \
        << "'" << text << "' is not in: " << bad_result.error().message;                  \
  } while (false)
