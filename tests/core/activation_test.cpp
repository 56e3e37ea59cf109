// Activation functions of cards; their values are tested where a server applies them (tests/serve).
#include "core/activation.h"

#include <gtest/gtest.h>

namespace arete {
namespace {

TEST(Activate, OfNothingIsNothing) {
  for (const Activation activation : {Activation::kNone, Activation::kSoftmax, Activation::kSigmoid})
    activate(activation, {});
}

TEST(YesAbove, IsHalfOfTheProbability) {
  EXPECT_EQ(yes_above({OutputKind::kClassification, Activation::kNone, {}}), 0.5);
  EXPECT_EQ(yes_above({OutputKind::kClassification, Activation::kSigmoid, {}}), 0.0);
  EXPECT_FALSE(yes_above({OutputKind::kClassification, Activation::kSoftmax, {}}));
  EXPECT_FALSE(yes_above({OutputKind::kTensor, Activation::kSigmoid, {}}));
}

}  // namespace
}  // namespace arete
