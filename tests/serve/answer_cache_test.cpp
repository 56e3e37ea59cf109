// Answers by content, and like requests at once.
#include "serve/answer_cache.h"

#include <atomic>
#include <thread>

#include "tests/serve/fake_server.h"

namespace arete::serve {
namespace {

using engine::ValueInfo;
using test::FakeServer;

class HandClock final : public os::Clock {
 public:
  std::int64_t now_ns() const override { return now; }
  std::int64_t now = 1;
};

std::vector<NamedTensor> inputs(float value) { return {{"x", Tensor::of<float>({1, 1}, {value})}}; }

Inference answer(float value) {
  Inference made;
  made.outputs = {Tensor::of<float>({1, 1}, {value})};
  return made;
}

struct Asked {
  AnswerCache::Outcome outcome;
  std::optional<Result<Inference>> answer;
};

void ask(AnswerCache& cache, const Hash128& key, Asked& asked) {
  InferenceDone done = [&asked](Result<Inference> got) { asked.answer = std::move(got); };
  asked.outcome = cache.ask(key, done);
}

TEST(AnswerCache, KeepsAnswersUntilTheirTime) {
  HandClock clock;
  AnswerCache cache({.max_bytes = 10000, .ttl_ns = 100}, clock);
  const Hash128 key = cache.key_of(1, inputs(3));
  EXPECT_NE(key, cache.key_of(2, inputs(3)));
  EXPECT_NE(key, cache.key_of(1, inputs(4)));
  Asked first{}, second{}, late{};
  ask(cache, key, first);
  EXPECT_EQ(first.outcome, AnswerCache::Outcome::kMiss);
  cache.settle(key, answer(6));
  ask(cache, key, second);
  EXPECT_EQ(second.outcome, AnswerCache::Outcome::kHit);
  EXPECT_EQ((*second.answer)->outputs[0].data<float>()[0], 6.0F);
  clock.now += 100;
  ask(cache, key, late);
  EXPECT_EQ(late.outcome, AnswerCache::Outcome::kMiss);
  EXPECT_EQ(cache.entries(), 0U);
}

TEST(AnswerCache, LikeRequestsAtOnceWaitForTheFirst) {
  HandClock clock;
  AnswerCache cache({.max_bytes = 10000}, clock);
  const Hash128 key = cache.key_of(1, inputs(3));
  Asked first{}, second{}, third{};
  ask(cache, key, first);
  ask(cache, key, second);
  ask(cache, key, third);
  EXPECT_EQ(third.outcome, AnswerCache::Outcome::kJoined);
  EXPECT_FALSE(second.answer);
  cache.settle(key, Error{Code::kInvalid, "no"});
  EXPECT_ERROR(*second.answer, Code::kInvalid, "no");
  EXPECT_EQ(cache.entries(), 0U);  // an error is no answer to keep
}

TEST(AnswerCache, StaysBelowItsBytesAndDropsTheLeastUsed) {
  HandClock clock;
  AnswerCache cache({.max_bytes = 2000}, clock);  // three entries
  const auto put = [&](float value) {
    const Hash128 key = cache.key_of(1, inputs(value));
    Asked asked{};
    ask(cache, key, asked);
    cache.settle(key, answer(value));
    return key;
  };
  const auto has = [&](const Hash128& key) {
    Asked asked{};
    ask(cache, key, asked);
    if (asked.outcome == AnswerCache::Outcome::kMiss) cache.settle(key, Error{Code::kInvalid, ""});
    return asked.outcome == AnswerCache::Outcome::kHit;
  };
  const Hash128 a = put(1), b = put(2), c = put(3);
  EXPECT_TRUE(has(a));
  const Hash128 d = put(4);
  EXPECT_LE(cache.bytes(), 2000U);
  EXPECT_TRUE(has(a));
  EXPECT_FALSE(has(b));
  EXPECT_TRUE(has(c) && has(d));
  Inference large = answer(1);
  large.outputs = {*Tensor::zeros(DType::kFloat32, {1000})};
  const Hash128 key = cache.key_of(1, inputs(9));
  Asked asked{};
  ask(cache, key, asked);
  cache.settle(key, large);
  EXPECT_FALSE(has(key));
  EXPECT_EQ(cache.entries(), 3U);
}

TEST(AnswerCache, AServerRunsAQuestionOnceAndANewVersionAnew) {
  std::atomic<int> runs{0};
  FakeServer server({}, {}, {.max_bytes = 100000});
  for (const char* version : {"1", "2"}) {
    server.add("m", version,
               {{{"x", DType::kFloat32, {-1, 1}}},
                {{"y", DType::kFloat32, {-1, 1}}},
                [&runs](std::span<const NamedTensor> given) {
                  ++runs;
                  return std::vector<Tensor>{given[0].tensor};
                }});
  }
  server.load("m", "1");
  const auto ask_server = [&] {
    const os::HttpResponse response = server.ask(
        "POST", "/v2/models/m/infer", R"({"inputs":[{"name":"x","shape":[1,1],"datatype":"FP32","data":[77]}]})");
    EXPECT_EQ(response.status, 200) << response.body;
    EXPECT_NE(response.body.find("\"data\":[77]"), std::string::npos);
  };
  while (server.table().pick("m")->model->batcher().max_rows() == 1) std::this_thread::yield();  // batches are proven
  ask_server();
  const int before = runs;
  for (int i = 0; i < 5; ++i) ask_server();
  EXPECT_EQ(runs, before);
  EXPECT_NE(server.ask("GET", "/metrics").body.find(R"(arete_cache_hits_total{model="m",version="1"} 5)"),
            std::string::npos);
  server.load("m", "2");
  while (server.table().pick("m")->model->batcher().max_rows() == 1) std::this_thread::yield();
  const int swapped = runs;
  ask_server();
  EXPECT_EQ(runs, swapped + 1);
}

}  // namespace
}  // namespace arete::serve
