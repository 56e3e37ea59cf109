// Too much at once: models that share threads, readings that pile up, memory that ends, and the end of the server
// while work runs.
#include <atomic>
#include <new>
#include <thread>

#include "serve/batcher.h"
#include "serve/dispatcher.h"
#include "tests/serve/fake_server.h"
#include "tests/serve/fake_session.h"
#include "tests/serve/gate.h"

namespace arete::serve {
namespace {

using engine::ValueInfo;
using test::FakeModel;
using test::FakeServer;
using test::FakeSession;
using test::Gate;

const std::vector<ValueInfo> kX = {{"x", DType::kFloat32, {-1, 1}}};
const std::vector<ValueInfo> kY = {{"y", DType::kFloat32, {-1, 1}}};
constexpr std::string_view kAsk = R"({"inputs":[{"name":"x","shape":[1,1],"datatype":"FP32","data":[1]}]})";
constexpr std::chrono::seconds kPatience{20};

template <class Predicate>
bool soon(const Predicate& holds) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

Result<std::vector<Tensor>> same(std::span<const NamedTensor> inputs) { return std::vector<Tensor>{inputs[0].tensor}; }

FakeModel plain() { return {kX, kY, &same}; }

// ---- Models that share runners ----

class Flood {
 public:
  explicit Flood(Batcher& batcher) : batcher_(batcher) {}
  // Asks again as soon as it is answered, until it ends.
  void ask() {
    InferenceRequest request;
    request.inputs = {{"x", *Tensor::zeros(DType::kFloat32, {1, 1})}};
    request.done = [this](const Result<Inference>&) {
      if (!ends_) return ask();
      --left_;
    };
    batcher_.submit(std::move(request), RunOn::kRunner);
  }
  void start(int clients) {
    left_ = clients;
    for (int i = 0; i < clients; ++i) ask();
  }
  bool end() {
    ends_ = true;
    return soon([this] { return left_ == 0; });
  }

 private:
  Batcher& batcher_;
  std::atomic<bool> ends_{false};
  std::atomic<int> left_{0};
};

TEST(Overload, AModelThatNeverRestsLeavesOthersTheirTurn) {
  os::WorkerPool pool(1, 1000);
  const auto runner = [&pool](std::function<void()> work) { return pool.try_run(std::move(work)); };
  const FakeSession::Run slow = [](std::span<const NamedTensor> inputs) {
    std::this_thread::sleep_for(std::chrono::milliseconds(3));
    return same(inputs);
  };
  Batcher busy(std::make_unique<FakeSession>(kX, kY, slow), {.max_wait_ns = kNoDeadline}, runner, os::real_clock());
  Batcher other(std::make_unique<FakeSession>(kX, kY, &same), {}, runner, os::real_clock());
  Flood flood(busy);
  flood.start(8);
  std::atomic<bool> answered = false;
  InferenceRequest request;
  request.inputs = {{"x", *Tensor::zeros(DType::kFloat32, {1, 1})}};
  request.done = [&](const Result<Inference>& answer) { answered = answer.has_value(); };
  other.submit(std::move(request), RunOn::kRunner);
  EXPECT_TRUE(soon([&] { return answered.load(); }));
  EXPECT_TRUE(flood.end());
  pool.finish();
}

// ---- Requests that are read on handlers ----

struct Told {
  std::atomic<int> answered{0};
  std::atomic<int> refused{0};
  std::mutex mutex;
  std::string why;
};

// A call whose reading is a lambda.
class SlowCall final : public Call {
 public:
  SlowCall(Told& told, std::function<void()> reading, std::size_t bytes = 100'000)
      : Call(ProtocolKind::kV2, "m", "", bytes), told_(told), reading_(std::move(reading)) {}
  std::optional<ModelRequest> read(const ServedModel&, const Limits&) override {
    reading_();
    ModelRequest request;
    request.inputs = {{"x", *Tensor::zeros(DType::kFloat32, {1, 1})}};
    return request;
  }
  void answer(const ServedModel&, const Inference&) override { status_ = 200; }
  void refuse(const Error& error) override {
    status_ = 503;
    const std::lock_guard lock(told_.mutex);
    told_.why = to_string(error);
  }
  int status() const override { return status_; }
  std::size_t answer_bytes() const override { return 0; }
  void send() override { ++(status_ == 200 ? told_.answered : told_.refused); }

 private:
  Told& told_;
  std::function<void()> reading_;
  int status_ = 0;
};

TEST(Overload, WhatWouldWaitTooLongToBeReadIsRefusedAtOnce) {
  Told told;
  Gate gate;
  TableOptions options;
  options.serving.max_wait_ns = 50'000'000;
  FakeServer server(std::move(options));
  server.add("m", "1", plain());
  server.load("m");
  const auto ask = [&](std::function<void()> reading) {
    server.dispatcher().dispatch(std::make_unique<SlowCall>(told, std::move(reading)));
  };
  ask([] { std::this_thread::sleep_for(std::chrono::milliseconds(100)); });
  ASSERT_TRUE(soon([&] { return told.answered == 1; }));
  for (int i = 0; i < 2; ++i) ask([&] { gate.pass(); });  // all handlers
  gate.wait_for(1);
  for (int i = 0; i < 20; ++i) ask([] {});
  EXPECT_GT(told.refused, 0);
  {
    const std::lock_guard lock(told.mutex);
    EXPECT_NE(told.why.find("too busy"), std::string::npos) << told.why;
  }
  gate.open();
  EXPECT_TRUE(soon([&] { return told.answered + told.refused == 23; }));
  ask([] {});  // the pile is gone
  EXPECT_TRUE(soon([&] { return told.answered + told.refused == 24; }));
}

// Before the first reading nobody knows how long one takes.
TEST(Overload, WhatWaitedTooLongToBeReadIsRefusedUnread) {
  Told told;
  Gate gate;
  std::atomic<int> read{0};
  TableOptions options;
  options.serving.max_wait_ns = 30'000'000;
  FakeServer server(std::move(options));
  server.add("m", "1", plain());
  server.load("m");
  for (int i = 0; i < 2; ++i) server.dispatcher().dispatch(std::make_unique<SlowCall>(told, [&] { gate.pass(); }));
  gate.wait_for(2);
  for (int i = 0; i < 5; ++i) server.dispatcher().dispatch(std::make_unique<SlowCall>(told, [&] { ++read; }));
  std::this_thread::sleep_for(std::chrono::milliseconds(40));
  gate.open();
  EXPECT_TRUE(soon([&] { return told.answered + told.refused == 7; }));
  EXPECT_EQ(told.answered, 2);
  EXPECT_EQ(read, 0);
}

TEST(Overload, ARequestWithoutMemoryIsAnsweredAndTheOthersUnharmed) {
  Told told;
  FakeServer server;
  server.add("m", "1", plain());
  server.load("m");
  server.dispatcher().dispatch(std::make_unique<SlowCall>(told, [] { throw std::bad_alloc(); }));
  ASSERT_TRUE(soon([&] { return told.refused == 1; }));
  EXPECT_NE(told.why.find("memory"), std::string::npos) << told.why;
  server.dispatcher().dispatch(std::make_unique<SlowCall>(told, [] {}));
  EXPECT_TRUE(soon([&] { return told.answered == 1; }));
}

// ---- Background work ----

// A model that tells how many sessions live that run it, besides the engine's own copy.
struct Counted {
  std::shared_ptr<int> token = std::make_shared<int>(0);
  FakeModel model(FakeSession::Run run = &same) const {
    return {kX, kY, [token = token, run = std::move(run)](std::span<const NamedTensor> inputs) { return run(inputs); }};
  }
  bool all_freed() const { return token.use_count() <= 2; }
};

TEST(Overload, AProofEndsWithItsModelAndHoldsUpNobodysFreeing) {
  Gate gate;
  std::atomic<int> runs{0};
  Counted counted;
  FakeServer server;
  server.add("slow", "1", {kX, kY, [&](std::span<const NamedTensor> inputs) {
                             if (runs++ > 0) gate.pass();  // not the one that warms up
                             return same(inputs);
                           }});
  server.add("other", "1", counted.model());
  server.load("slow");
  gate.wait_for(1);
  server.load("other");
  ASSERT_OK(server.table().unload("other"));
  EXPECT_TRUE(soon([&] { return counted.all_freed(); }));
  ASSERT_OK(server.table().unload("slow"));
  gate.open();
  EXPECT_TRUE(soon([&] { return server.said().size() >= 2; }));
  EXPECT_LE(runs, 3);
}

TEST(Overload, AShadowThatRunsWhileTheServerEndsIsFreed) {
  Gate gate;
  std::atomic<int> runs{0};
  Counted counted;
  TableOptions options;
  options.traffic["m"].shadow = "v2";
  options.serving.max_rows = 1;  // no proof runs it
  auto server = std::make_unique<FakeServer>(std::move(options));
  server->add("m", "1", plain());
  server->add("m", "2", counted.model([&](std::span<const NamedTensor> inputs) {
    if (runs++ > 0) gate.pass();
    return same(inputs);
  }));
  server->load("m");
  EXPECT_EQ(server->ask("POST", "/v2/models/m/infer", std::string(kAsk)).status, 200);
  gate.wait_for(1);
  std::thread opener([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));  // the server is ending by now
    gate.open();
  });
  server.reset();
  opener.join();
  EXPECT_EQ(counted.token.use_count(), 1);
}

}  // namespace
}  // namespace arete::serve
