// The batcher with sessions made of lambdas and real threads.
#include "serve/batcher.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <condition_variable>
#include <future>
#include <limits>
#include <numeric>
#include <random>
#include <thread>

#include "os/http_server/worker_pool.h"
#include "tests/serve/fake_session.h"
#include "tests/serve/gate.h"
#include "tests/support/assert.h"

namespace arete::serve {
namespace {

using engine::ValueInfo;
using test::FakeSession;
using test::Gate;

const std::vector<ValueInfo> kX = {{"x", DType::kFloat32, {-1, -1}}};
const std::vector<ValueInfo> kY = {{"y", DType::kFloat32, {-1, -1}}};

// y = 2x, row by row.
Result<std::vector<Tensor>> twice(std::span<const NamedTensor> inputs) {
  Tensor y = inputs[0].tensor;
  for (float& value : y.mutable_data<float>()) value *= 2;
  return std::vector<Tensor>{std::move(y)};
}

struct Bench {
  explicit Bench(FakeSession::Run run, BatcherOptions options = {}, bool concurrent = true)
      : batcher(std::make_unique<Batcher>(
            std::make_unique<FakeSession>(kX, kY, std::move(run), concurrent), options,
            [this](std::function<void()> work) { return pool.try_run(std::move(work)); }, os::real_clock())),
        pool(options.max_runs, 1000) {}

  std::future<Result<Inference>> ask(Tensor x, int priority = kDefaultPriority,
                                     std::int64_t deadline_ns = kNoDeadline) {
    std::promise<Result<Inference>> promise;
    std::future<Result<Inference>> future = promise.get_future();
    InferenceRequest request;
    request.inputs = {{"x", std::move(x)}};
    request.priority = priority;
    request.deadline_ns = deadline_ns;
    request.done = [promise = std::move(promise)](Result<Inference> answer) mutable {
      promise.set_value(std::move(answer));
    };
    batcher->submit(std::move(request), RunOn::kRunner);
    return future;
  }

  std::unique_ptr<Batcher> batcher;
  os::WorkerPool pool;  // ends first
};

Tensor row(float value, std::int64_t width = 2, std::int64_t rows = 1) {
  const std::vector<float> values(static_cast<std::size_t>(rows * width), value);
  return Tensor::of<float>({rows, width}, std::span<const float>(values));
}

TEST(Batcher, AnIdleModelRunsARequestAtOnceOnTheCallersThread) {
  Bench bench(twice);
  bool answered = false;
  InferenceRequest request;
  request.inputs = {{"x", row(3)}};
  request.done = [&](const Result<Inference>& answer) {
    ASSERT_OK(answer);
    EXPECT_EQ(answer->outputs[0].data<float>()[1], 6.0F);
    answered = true;
  };
  bench.batcher->submit(std::move(request), RunOn::kHere);
  EXPECT_TRUE(answered);
}

TEST(Batcher, WhatIsNotFiniteJoinsNoOther) {
  Gate gate;
  std::atomic<int> runs{0};
  Bench bench(
      [&](std::span<const NamedTensor> inputs) {
        if (runs++ == 0) gate.pass();
        // Rows meet: all spoil all.
        const std::span<const float> x = inputs[0].tensor.data<float>();
        const float spoil = 0 * std::accumulate(x.begin(), x.end(), 0.0F);
        Tensor y = inputs[0].tensor;
        for (float& value : y.mutable_data<float>()) value += spoil;
        return Result<std::vector<Tensor>>(std::vector<Tensor>{std::move(y)});
      },
      {.max_runs = 1});
  bench.batcher->allow_rows(8);
  std::vector<std::future<Result<Inference>>> answers;
  answers.push_back(bench.ask(row(0)));
  gate.wait_for(1);
  const float infinity = std::numeric_limits<float>::infinity();
  for (const float value : {1.0F, infinity, 2.0F, std::nanf(""), 3.0F, -infinity})
    answers.push_back(bench.ask(row(value)));
  gate.open();
  for (const std::size_t good : {1U, 3U, 5U}) {
    const Result<Inference> answer = answers[good].get();
    ASSERT_OK(answer);
    EXPECT_EQ(answer->outputs[0].data<float>()[0], static_cast<float>(good + 1) / 2);
    EXPECT_EQ(answer->run_rows, 3);
  }
  for (const std::size_t bad : {2U, 4U, 6U}) ASSERT_OK(answers[bad].get());
  EXPECT_EQ(runs, 5);
}

TEST(Batcher, WhatWaitsRunsTogetherAndEachGetsItsOwnRows) {
  Gate gate;
  std::atomic<int> runs{0};
  Bench bench(
      [&](std::span<const NamedTensor> inputs) {
        if (runs++ == 0) gate.pass();
        return twice(inputs);
      },
      {.max_runs = 1});
  bench.batcher->allow_rows(8);
  std::vector<std::future<Result<Inference>>> answers;
  answers.push_back(bench.ask(row(0)));
  gate.wait_for(1);
  for (int i = 1; i <= 5; ++i) answers.push_back(bench.ask(row(static_cast<float>(i), 2, i % 2 + 1)));
  gate.open();
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const Result<Inference> answer = answers[i].get();
    ASSERT_OK(answer);
    EXPECT_EQ(answer->outputs[0].shape()[0], i == 0 ? 1 : static_cast<std::int64_t>(i % 2 + 1));
    EXPECT_EQ(answer->outputs[0].data<float>()[0], 2.0F * static_cast<float>(i));
  }
  EXPECT_EQ(runs, 2);  // 1 + 2 + 1 + 2 + 2 rows are 8
  EXPECT_EQ(bench.batcher->counts().joined_runs, 1U);
}

TEST(Batcher, WithoutLeaveEachRunsAlone) {
  Gate gate;
  std::atomic<int> runs{0};
  Bench bench(
      [&](std::span<const NamedTensor> inputs) {
        if (runs++ == 0) gate.pass();
        EXPECT_EQ(inputs[0].tensor.shape()[0], 1);
        return twice(inputs);
      },
      {.max_runs = 1});
  std::vector<std::future<Result<Inference>>> answers;
  answers.push_back(bench.ask(row(0)));
  gate.wait_for(1);
  for (int i = 0; i < 4; ++i) answers.push_back(bench.ask(row(1)));
  gate.open();
  for (auto& answer : answers) ASSERT_OK(answer.get());
  EXPECT_EQ(runs, 5);
}

TEST(Batcher, OneBadMemberSpoilsNobody) {
  Gate gate;
  std::atomic<int> runs{0};
  Bench bench(
      [&](std::span<const NamedTensor> inputs) -> Result<std::vector<Tensor>> {
        if (runs++ == 0) gate.pass();
        for (const float value : inputs[0].tensor.data<float>()) {
          if (value < 0) return Error{Code::kInvalid, "negative"};
        }
        return twice(inputs);
      },
      {.max_runs = 1});
  bench.batcher->allow_rows(8);
  std::vector<std::future<Result<Inference>>> answers;
  answers.push_back(bench.ask(row(0)));
  gate.wait_for(1);
  for (const float value : {1.0F, -2.0F, 3.0F}) answers.push_back(bench.ask(row(value)));
  gate.open();
  ASSERT_OK(answers[1].get());
  EXPECT_ERROR(answers[2].get(), Code::kInvalid, "negative");
  const Result<Inference> last = answers[3].get();
  ASSERT_OK(last);
  EXPECT_EQ(last->outputs[0].data<float>()[0], 6.0F);
  EXPECT_EQ(bench.batcher->counts().runs_apart, 1U);
}

TEST(Batcher, AModelThatForgetsRowsStillAnswersEach) {
  Gate gate;
  std::atomic<int> runs{0};
  // One row whatever came in.
  Bench bench(
      [&](std::span<const NamedTensor> inputs) -> Result<std::vector<Tensor>> {
        if (runs++ == 0) gate.pass();
        const std::span<const float> x = inputs[0].tensor.data<float>();
        return std::vector<Tensor>{row(x[0])};
      },
      {.max_runs = 1});
  bench.batcher->allow_rows(8);
  std::vector<std::future<Result<Inference>>> answers;
  for (const float value : {0.0F, 1.0F, 2.0F}) {
    answers.push_back(bench.ask(row(value)));
    if (value == 0) gate.wait_for(1);
  }
  gate.open();
  EXPECT_EQ(answers[2].get()->outputs[0].data<float>()[0], 2.0F);
}

TEST(Batcher, UrgentRequestsGoFirstAndEqualOnesInTheirOrder) {
  Gate gate;
  std::mutex mutex;
  std::vector<float> order;
  Bench bench(
      [&](std::span<const NamedTensor> inputs) {
        gate.pass();
        const std::lock_guard lock(mutex);
        order.push_back(inputs[0].tensor.data<float>()[0]);
        return twice(inputs);
      },
      {.max_runs = 1});
  std::vector<std::future<Result<Inference>>> answers;
  answers.push_back(bench.ask(row(0)));
  gate.wait_for(1);
  answers.push_back(bench.ask(row(1), 3));
  answers.push_back(bench.ask(row(2), 2));
  answers.push_back(bench.ask(row(3), 2));
  answers.push_back(bench.ask(row(4), 0));
  gate.open();
  for (auto& answer : answers) ASSERT_OK(answer.get());
  EXPECT_EQ(order, (std::vector<float>{0, 4, 2, 3, 1}));
}

TEST(Batcher, RefusesWhatFindsNoRoomAndDropsWhatIsPastItsDeadline) {
  Gate gate;
  Bench bench(
      [&](std::span<const NamedTensor> inputs) {
        gate.pass();
        return twice(inputs);
      },
      {.max_runs = 1, .max_queued = 2});
  std::vector<std::future<Result<Inference>>> answers;
  answers.push_back(bench.ask(row(0)));
  gate.wait_for(1);
  answers.push_back(bench.ask(row(1), kDefaultPriority, os::real_clock().now_ns() - 1));
  answers.push_back(bench.ask(row(2)));
  answers.push_back(bench.ask(row(3)));
  EXPECT_ERROR(answers[3].get(), Code::kUnavailable, "too busy");
  gate.open();
  EXPECT_ERROR(answers[1].get(), Code::kTimeout, "deadline");
  ASSERT_OK(answers[2].get());
  EXPECT_EQ(bench.batcher->counts().refused, 1U);
  EXPECT_EQ(bench.batcher->counts().expired, 1U);
}

TEST(Batcher, RefusesWhatWouldWaitTooLong) {
  Gate gate;
  std::atomic<int> runs{0};
  Bench bench(
      [&](std::span<const NamedTensor> inputs) {
        if (++runs == 1) std::this_thread::sleep_for(std::chrono::milliseconds(50));
        if (runs > 1) gate.pass();
        return twice(inputs);
      },
      {.max_runs = 1, .max_wait_ns = 60'000'000});
  ASSERT_OK(bench.ask(row(0)).get());  // now it knows that a row takes 50 ms
  std::vector<std::future<Result<Inference>>> answers;
  answers.push_back(bench.ask(row(1)));
  gate.wait_for(1);
  for (int i = 0; i < 3; ++i) answers.push_back(bench.ask(row(1)));
  EXPECT_ERROR(answers[3].get(), Code::kUnavailable, "would wait");
  gate.open();
  for (int i = 0; i < 3; ++i) ASSERT_OK(answers[static_cast<std::size_t>(i)].get());
}

TEST(Batcher, ASessionThatIsNotConcurrentIsRunByOneAtATime) {
  std::atomic<int> inside{0}, most{0};
  Bench bench(
      [&](std::span<const NamedTensor> inputs) {
        most = std::max(most.load(), ++inside);
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        --inside;
        return twice(inputs);
      },
      {.max_runs = 4}, false);
  std::vector<std::future<Result<Inference>>> answers;
  for (int i = 0; i < 12; ++i) answers.push_back(bench.ask(row(1)));
  for (auto& answer : answers) ASSERT_OK(answer.get());
  EXPECT_EQ(most, 1);
}

TEST(Batcher, ADelayUnderLoadFillsBatches) {
  Bench bench(twice, {.max_runs = 1, .max_delay_ns = 200'000'000});
  bench.batcher->allow_rows(4);
  std::vector<std::future<Result<Inference>>> answers;
  for (int i = 0; i < 64; ++i) answers.push_back(bench.ask(row(static_cast<float>(i))));
  for (std::size_t i = 0; i < answers.size(); ++i)
    EXPECT_EQ(answers[i].get()->outputs[0].data<float>()[0], 2.0F * static_cast<float>(i));
  EXPECT_LT(bench.batcher->counts().runs, 64U);
}

// Whatever comes from how many threads, each gets the answer to its own question.
TEST(Batcher, MixedRequestsOfManyThreadsGetTheirOwnAnswers) {
  Bench bench(
      [](std::span<const NamedTensor> inputs) -> Result<std::vector<Tensor>> {
        for (const float value : inputs[0].tensor.data<float>()) {
          if (value == 13) return Error{Code::kInvalid, "unlucky"};
        }
        return twice(inputs);
      },
      {.max_runs = 2});
  bench.batcher->allow_rows(16);
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0}, refused{0};
  for (unsigned seed = 0; seed < 8; ++seed) {
    threads.emplace_back([&bench, &wrong, &refused, seed] {
      std::mt19937 random(seed);
      for (int i = 0; i < 200; ++i) {
        const auto value = static_cast<float>(random() % 40);
        const std::int64_t width = 1 + random() % 3;
        const std::int64_t rows = 1 + random() % 4;
        const Result<Inference> answer = bench.ask(row(value, width, rows), static_cast<int>(random() % 4)).get();
        if (!answer) {
          ++refused;
          wrong += value == 13 ? 0 : 1;
          continue;
        }
        const Tensor& y = answer->outputs[0];
        const bool shaped = y.shape() == Shape{rows, width};
        wrong += shaped && std::ranges::all_of(y.data<float>(), [&](float x) { return x == 2 * value; }) ? 0 : 1;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(refused, 0);
  EXPECT_EQ(bench.batcher->counts().queued, 0U);
}

}  // namespace
}  // namespace arete::serve
