// Samples joined into batches and taken apart again.
#include "proof/sample_batch.h"

#include <gtest/gtest.h>

#include "tests/proof/fakes.h"
#include "tests/support/assert.h"

namespace arete::proof {
namespace {

Sample sample(std::initializer_list<float> row, std::int64_t label) {
  return {{{"x", Tensor::of<float>({1, static_cast<std::int64_t>(row.size())}, row)}},
          label,
          "row " + std::to_string(label)};
}

TEST(BatchSize, NeedsADynamicFirstAxisAndWholeBytes) {
  using engine::ValueInfo;
  const ValueInfo dynamic{"a", DType::kFloat32, {-1, 3}};
  EXPECT_EQ(batch_rule_for(std::vector<ValueInfo>{dynamic}).largest, kDefaultBatch);
  EXPECT_FALSE(batch_rule_for(std::vector<ValueInfo>{dynamic}).exact);
  for (const ValueInfo& other : {ValueInfo{"b", DType::kFloat32, {1, 3}}, ValueInfo{"b", DType::kFloat32, {}},
                                 ValueInfo{"b", DType::kFloat32, {}, false}, ValueInfo{"b", DType::kString, {-1}},
                                 ValueInfo{"b", DType::kInt4, {-1}}}) {
    EXPECT_EQ(batch_rule_for(std::vector<ValueInfo>{dynamic, other}).largest, 1);
  }
  EXPECT_EQ(batch_rule_for({}).largest, 1);
  const ValueInfo four{"a", DType::kFloat32, {4, 3}};
  EXPECT_EQ(batch_rule_for(std::vector<ValueInfo>{four, four}).largest, 4);
  EXPECT_TRUE(batch_rule_for(std::vector<ValueInfo>{four, four}).exact);
  EXPECT_FALSE(batch_rule_for(std::vector<ValueInfo>{four, dynamic}).exact);
  EXPECT_TRUE(batch_rule_for(std::vector<ValueInfo>{four}, std::vector<ValueInfo>{four}).exact);
  EXPECT_FALSE(batch_rule_for(std::vector<ValueInfo>{four}, std::vector<ValueInfo>{four, dynamic}).exact);
  // A dynamic axis that an output lacks is time too; where an output says nothing, nothing speaks against a batch.
  const ValueInfo unsaid{"a", DType::kFloat32, {}, false};
  EXPECT_EQ(batch_rule_for(std::vector<ValueInfo>{dynamic}, std::vector<ValueInfo>{dynamic, four}).largest, 1);
  EXPECT_EQ(batch_rule_for(std::vector<ValueInfo>{dynamic}, std::vector<ValueInfo>{dynamic, unsaid}).largest,
            kDefaultBatch);
}

TEST(SampleBatcher, JoinsSamplesOfEqualShapes) {
  FakeSource source({sample({1, 2}, 0), sample({3, 4}, 1), Error{Code::kCorrupt, "bad.png"}, sample({5}, 2),
                     sample({6}, 3), sample({7}, 4)});
  SampleBatcher batcher(source, {2});
  const auto first = batcher.next();
  ASSERT_OK(first);
  EXPECT_EQ((*first)->samples, 2U);
  EXPECT_EQ((*first)->inputs[0].tensor.shape(), (Shape{2, 2}));
  EXPECT_EQ((*first)->inputs[0].tensor.data<float>()[3], 4.0F);
  EXPECT_EQ((*first)->origins[1], "row 1");
  const auto one = sample_of(**first, 1);
  ASSERT_OK(one);
  EXPECT_EQ(one->inputs[0].tensor.shape(), (Shape{1, 2}));
  EXPECT_EQ(one->inputs[0].tensor.data<float>()[0], 3.0F);
  EXPECT_EQ(*one->labels[0], 1);
  EXPECT_EQ((*batcher.next())->samples, 2U);
  EXPECT_EQ((*batcher.next())->samples, 1U);
  EXPECT_FALSE(batcher.next()->has_value());
  EXPECT_EQ(batcher.samples(), 5U);
  EXPECT_EQ(batcher.skipped(), 1U);
  EXPECT_EQ(batcher.reasons(), std::vector<std::string>{"bad.png"});
}

TEST(SampleBatcher, HoldsBackASampleOfAnotherShape) {
  FakeSource source({sample({1, 2}, 0), sample({5}, 1), sample({6}, 2)});
  SampleBatcher batcher(source, {3});
  EXPECT_EQ((*batcher.next())->samples, 1U);
  EXPECT_EQ((*batcher.next())->samples, 2U);
  EXPECT_FALSE(batcher.next()->has_value());
}

TEST(SampleBatcher, HandsOnWhatHasNoRows) {
  Sample scalar{{{"c", Tensor::scalar(true)}, {"s", *Tensor::of_strings({}, {"text"})}}, {}, "one"};
  FakeSource source({scalar, scalar});
  SampleBatcher batcher(source, {1});
  const auto batch = batcher.next();
  ASSERT_OK(batch);
  EXPECT_EQ((*batch)->inputs[1].tensor.strings()[0], "text");
  ASSERT_OK(sample_of(**batch, 0));
}

TEST(SampleBatcher, FillsABatchOfAnExactNumber) {
  FakeSource source({sample({1}, 0), sample({2}, 1), sample({3}, 2)});
  SampleBatcher batcher(source, {2, true});
  batcher.set_batch_size(32);
  EXPECT_EQ((*batcher.next())->rows, 2U);
  const auto last = batcher.next();
  ASSERT_OK(last);
  EXPECT_EQ((*last)->samples, 1U);
  EXPECT_EQ((*last)->rows, 2U);
  EXPECT_EQ((*last)->inputs[0].tensor.shape(), (Shape{2, 1}));
  EXPECT_EQ((*last)->inputs[0].tensor.data<float>()[1], 3.0F);
  FakeSource again({sample({1}, 0), sample({2}, 1)});
  SampleBatcher both(again, {2, true});
  const auto one = sample_of(**both.next(), 1);
  ASSERT_OK(one);
  EXPECT_EQ(one->inputs[0].tensor.shape(), (Shape{2, 1}));
  EXPECT_EQ(one->inputs[0].tensor.data<float>()[0], 2.0F);
}

TEST(SampleBatcher, LeavesWholeSamplesAlone) {
  Sample whole = sample({1}, 0);
  whole.whole = true;
  FakeSource source({whole, sample({2}, 1), whole, whole});
  SampleBatcher batcher(source, {32});
  for (int i = 0; i < 4; ++i) EXPECT_EQ((*batcher.next())->samples, 1U);
  EXPECT_FALSE(batcher.next()->has_value());
}

TEST(SampleBatcher, StopsAtItsLimit) {
  FakeSource source({sample({1}, 0), sample({2}, 1), sample({3}, 2)});
  SampleBatcher batcher(source, {2}, 1);
  EXPECT_EQ((*batcher.next())->samples, 1U);
  EXPECT_FALSE(batcher.next()->has_value());
}

// A source that fails for ever, against its contract, must not hang us.
class BrokenSource final : public SampleSource {
 public:
  Result<std::optional<Sample>> next() override { return Error{Code::kIo, "unplugged"}; }
  Status rewind() override { return {}; }
  std::size_t size() const override { return 3; }
  bool has_labels() const override { return false; }
};

TEST(SampleBatcher, LeavesASourceThatFailsForEver) {
  BrokenSource source;
  SampleBatcher batcher(source, {32});
  EXPECT_ERROR(batcher.next(), Code::kIo, "unplugged");
}

}  // namespace
}  // namespace arete::proof
