// The models and checks that the tests of the public interface share. They see include/arete/ and nothing of src/.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "arete/arete.h"
#include "tests/support/python_models.h"

namespace arete::test {

// Of tests/engine/make_models.py; "" without the test venv.
inline std::string model_folder() { return python_models("tests/engine/make_models.py"); }

}  // namespace arete::test

#define ASSERT_GOOD(result) ASSERT_TRUE((result).has_value()) << (result).error().message

// `result` failed with `wanted` and a message that holds `text`.
#define EXPECT_BAD(result, wanted, text)                                                           \
  do {                                                                                             \
    const auto& bad = (result);                                                                    \
    ASSERT_FALSE(bad.has_value()) << "expected an error";                                          \
    EXPECT_EQ(name_of(bad.error().code), name_of(wanted)) << bad.error().message;                  \
    EXPECT_NE(bad.error().message.find(text), std::string::npos) << "in: " << bad.error().message; \
  } while (false)
