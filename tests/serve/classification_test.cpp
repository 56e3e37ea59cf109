#include "serve/classification.h"

#include <cmath>
#include <limits>

#include "tests/support/assert.h"

namespace arete::serve {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

ClassScores one(std::initializer_list<float> values, Activation activation, bool two_classes = false) {
  const auto size = static_cast<std::int64_t>(values.size());
  const auto rows = classify(Tensor::of<float>({1, size}, values), activation, two_classes);
  EXPECT_TRUE(rows.has_value());
  return rows->at(0);
}

TEST(Classify, SoftmaxIsStable) {
  const ClassScores row = one({1000.0F, 999.0F, -1000.0F}, Activation::kSoftmax);
  EXPECT_NEAR(row.scores[0], 1 / (1 + std::exp(-1.0)), 1e-12);
  EXPECT_NEAR(row.scores[1], 1 - row.scores[0], 1e-12);
  EXPECT_EQ(row.scores[2], 0);
  EXPECT_EQ(row.best, 0U);
  const ClassScores infinite = one({1.0F, kInf, kInf, -kInf}, Activation::kSoftmax);
  EXPECT_EQ(infinite.scores, (std::vector<double>{0, 0.5, 0.5, 0}));
}

TEST(Classify, SigmoidIsStable) {
  const ClassScores row = one({-1000.0F, 0.0F, 1000.0F, -kInf}, Activation::kSigmoid);
  EXPECT_EQ(row.scores, (std::vector<double>{0, 0.5, 1, 0}));
  EXPECT_EQ(row.best, 2U);
}

TEST(Classify, NoneKeepsValues) {
  EXPECT_EQ(one({3.0F, -1.0F, 3.0F}, Activation::kNone).scores, (std::vector<double>{3, -1, 3}));
  EXPECT_EQ(one({3.0F, -1.0F, 3.0F}, Activation::kNone).best, 0U);
}

TEST(Classify, OneValueMayStandForTwoClasses) {
  const ClassScores row = one({0.25F}, Activation::kNone, true);
  EXPECT_EQ(row.scores, (std::vector<double>{0.75, 0.25}));
  EXPECT_EQ(row.best, 0U);
  EXPECT_EQ(one({2.0F}, Activation::kSigmoid, true).best, 1U);
}

TEST(Classify, NanHasNoBestClass) {
  const std::vector<std::string> labels = {"a", "b"};
  const ClassScores row = one({NAN, 1.0F}, Activation::kSoftmax);
  EXPECT_FALSE(row.best);
  EXPECT_EQ(to_json(row, labels).dump(), R"({"prediction":null,"confidence":null,"probabilities":{"a":null,"b":1.0}})");
}

TEST(Classify, TakesRowsAndSqueezesTrailingAxes) {
  EXPECT_EQ(classify(Tensor::of<std::uint8_t>({2, 2, 1, 1}, {1, 2, 4, 3}), Activation::kNone, false)->at(1).best, 0U);
  EXPECT_EQ(classify(Tensor::of<float>({3}, {1, 5, 2}), Activation::kNone, false)->size(), 1U);
  EXPECT_TRUE(classify(Tensor::of<float>({0, 3}, {}), Activation::kSoftmax, false)->empty());
  EXPECT_ERROR(classify(Tensor::of<float>({1, 2, 2}, {1, 2, 3, 4}), Activation::kNone, false), Code::kUnsupported,
               "[N,classes]");
  EXPECT_ERROR(classify(Tensor::scalar<float>(1), Activation::kNone, false), Code::kUnsupported, "[N,classes]");
  EXPECT_ERROR(classify(Tensor::of<float>({2, 0}, {}), Activation::kNone, false), Code::kUnsupported, "[N,classes]");
}

TEST(Labels, BecomeUnique) {
  const std::vector<std::string> labels = unique_labels({"crane", "x", "crane", "crane [2]"}, 6);
  EXPECT_EQ(labels, (std::vector<std::string>{"crane", "x", "crane [2]", "crane [2] [3]", "4", "5"}));
}

TEST(Labels, KeepTheirOrderInTheAnswer) {
  const std::vector<std::string> labels = {"z", "a", "é\"\n"};
  EXPECT_EQ(to_json(one({0.25F, 0.5F, 0.25F}, Activation::kNone), labels).dump(),
            R"({"prediction":"a","confidence":0.5,"probabilities":{"z":0.25,"a":0.5,"é\"\n":0.25}})");
}

TEST(Probabilities, AreRecognised) {
  EXPECT_TRUE(look_like_probabilities({one({1.0F, 2.0F}, Activation::kSoftmax)}));
  EXPECT_FALSE(look_like_probabilities({one({1.0F, 2.0F}, Activation::kNone)}));
  EXPECT_FALSE(look_like_probabilities({one({0.2F, 0.2F}, Activation::kNone)}));
  EXPECT_FALSE(look_like_probabilities({one({2.0F, -1.0F}, Activation::kNone)}));
}

}  // namespace
}  // namespace arete::serve
