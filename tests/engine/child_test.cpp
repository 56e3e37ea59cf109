// The child engine through its public door: the same outputs as in this process, and what becomes of a session whose
// process crashes, hangs or lies.
#include "engine/child/child.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#include "engine/onnxruntime/onnxruntime.h"
#include "os/base/files.h"
#include "tests/support/assert.h"
#include "tests/support/python_models.h"
#include "tests/support/sanitizers.h"

namespace arete::engine {
namespace {

namespace fs = std::filesystem;

std::string library_path() { return std::string(ARETE_BINARY_DIR) + "/lib/libonnxruntime.so.1"; }

SessionOptions one_thread() {
  SessionOptions options;
  options.threads = 1;
  return options;
}

ChildOptions child_options() {
  ChildOptions options;
  options.program = std::string(ARETE_BINARY_DIR) + "/arete-engine";
  options.engine = "onnxruntime";
  options.library_paths = {library_path()};
  return options;
}

std::string read(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

std::set<std::string> open_descriptors(const std::string& process) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator("/proc/" + process + "/fd")) {
    names.insert(entry.path().filename().string());
  }
  return names;
}

void signal_all(const ChildEngine& engine, int number) {
  for (const std::int64_t process : engine.processes()) ::kill(static_cast<pid_t>(process), number);
}

Tensor counting(DType dtype, Shape shape) {
  Tensor tensor = *Tensor::zeros(dtype, std::move(shape));
  std::span<std::byte> bytes = tensor.mutable_bytes();
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i % 2);
  return tensor;
}

bool same(const Tensor& a, const Tensor& b) {
  if (a.dtype() != b.dtype() || a.shape() != b.shape()) return false;
  return a.dtype() == DType::kString ? std::ranges::equal(a.strings(), b.strings())
                                     : std::ranges::equal(a.bytes(), b.bytes());
}

class Child : public testing::Test {
 protected:
  void SetUp() override {
    SKIP_WITHOUT_MODELS(folder_);
    start(child_options());
  }

  void start(const ChildOptions& options) {
    Result<std::unique_ptr<ChildEngine>> made = make_child(options);
    ASSERT_OK(made);
    engine_ = std::move(*made);
  }

  Result<std::unique_ptr<Session>> open(Engine& engine, const std::string& name) const {
    ASSIGN_OR_RETURN(const ModelSource source,
                     ModelSource::from_file(os::real_file_system(), folder_ + "/" + name + ".onnx"));
    return engine.open(source, one_thread());
  }
  Result<std::unique_ptr<Session>> open(const std::string& name) const { return open(*engine_, name); }

  // Runs in both and compares.
  void expect_same(const std::string& name, const std::vector<NamedTensor>& inputs) {
    SCOPED_TRACE(name);
    const auto theirs = open(name);
    ASSERT_OK(theirs);
    const auto ours = open(*here_, name);
    ASSERT_OK(ours);
    ASSERT_EQ((*theirs)->inputs().size(), (*ours)->inputs().size());
    for (std::size_t i = 0; i < (*ours)->inputs().size(); ++i) {
      EXPECT_EQ(describe((*theirs)->inputs()[i]), describe((*ours)->inputs()[i]));
    }
    const auto got = (*theirs)->run(inputs);
    const auto wanted = (*ours)->run(inputs);
    ASSERT_OK(got);
    ASSERT_OK(wanted);
    ASSERT_EQ(got->size(), wanted->size());
    for (std::size_t i = 0; i < got->size(); ++i) {
      EXPECT_TRUE(same((*got)[i], (*wanted)[i])) << describe((*got)[i]) << describe((*wanted)[i]);
    }
  }

  std::string folder_ = test::python_models("tests/engine/make_models.py");
  std::unique_ptr<Engine> here_ = std::move(*make_onnxruntime({{library_path()}}));
  std::unique_ptr<ChildEngine> engine_;
};

const std::vector<NamedTensor>& two() {
  static const std::vector<NamedTensor> inputs = {{"b", Tensor::of<std::int64_t>({2}, {10, 20})},
                                                  {"a", Tensor::of<float>({1, 2}, {1, 2})}};
  return inputs;
}

TEST_F(Child, SaysWhatItsEngineIs) {
  EXPECT_EQ(engine_->name(), here_->name());
  EXPECT_EQ(engine_->version(), here_->version());
  EXPECT_EQ(engine_->processes().size(), 1U);
  EXPECT_GT(engine_->resident_bytes(), 1U << 20);
}

TEST_F(Child, GivesTheOutputsOfTheEngineInThisProcess) {
  for (const DType dtype : {DType::kFloat32, DType::kFloat16, DType::kBfloat16, DType::kFloat64, DType::kInt8,
                            DType::kInt64, DType::kUint16, DType::kBool}) {
    const std::string name = "identity_" + std::to_string(static_cast<int>(dtype));
    expect_same(name, {{"x", counting(dtype, {2, 3})}});
    expect_same(name, {{"x", *Tensor::zeros(dtype, {0, 3})}});
  }
  expect_same("identity_8", {{"x", *Tensor::of_strings({1, 3}, {"", "é", std::string("a\0b", 3)})}});
  expect_same("identity_8", {{"x", *Tensor::of_strings({0, 3}, {})}});
  expect_same("to_int4", {{"x", Tensor::of<float>({4}, {-8, 7, 1, 0})}});
  expect_same("scalar", {{"x", Tensor::scalar(3.0F)}});
  expect_same("unknown_rank", {{"x", Tensor::of<float>({1, 2, 1}, {3, 4})}});
  expect_same("external", {{"x", Tensor::of<float>({4}, {1, 2, 3, 4})}});
  expect_same("handed_through", {{"x", Tensor::of<float>({2}, {1, 2})}});
}

TEST_F(Child, RunsSeveralInputsWithADynamicBatch) {
  for (const std::int64_t batch : {1, 5, 0, 2000, 2}) {
    const std::vector<float> ones(static_cast<std::size_t>(batch) * 2, 1.0F);
    expect_same("two_in_three_out", {{"b", Tensor::of<std::int64_t>({2}, {10, 20})},
                                     {"a", Tensor::of<float>({batch, 2}, std::span<const float>(ones))}});
  }
}

TEST_F(Child, AnswersErrorsInTheSameWordsAndLivesOn) {
  for (const char* const name : {"unknown_op", "sequence_out", "external_missing", "external_parent"}) {
    const auto theirs = open(name);
    const auto ours = open(*here_, name);
    ASSERT_FALSE(theirs || ours);
    EXPECT_EQ(to_string(theirs.error()), to_string(ours.error()));
  }
  EXPECT_ERROR(engine_->open(ModelSource::from_bytes("no model", "bad"), {}), Code::kCorrupt, "'bad': it is no ONNX");
  EXPECT_TRUE(engine_->processes().empty());
  const auto session = open("reshape");
  ASSERT_OK(session);
  const auto before = engine_->processes();
  const Tensor x = *Tensor::zeros(DType::kFloat32, {2, 3});
  const auto reshape = [&](std::int64_t size) {
    return (*session)->run(std::vector<NamedTensor>{{"x", x}, {"shape", Tensor::of<std::int64_t>({1}, {size})}});
  };
  EXPECT_ERROR(reshape(4), Code::kInvalid, "cannot be reshaped");
  EXPECT_ERROR((*session)->run({}), Code::kInvalid, "input 'x' (float32[2,3]) is missing");
  ASSERT_OK(reshape(6));
  EXPECT_EQ(engine_->processes(), before);
  EXPECT_EQ(engine_->counts().crashed, 0U);
}

TEST_F(Child, OutputsOutliveSessionAndEngine) {
  std::vector<Tensor> kept;
  {
    const auto session = open("initialiser_out");
    ASSERT_OK(session);
    auto outputs = (*session)->run(std::vector<NamedTensor>{{"x", Tensor::of<float>({1}, {2})}});
    ASSERT_OK(outputs);
    kept = std::move(*outputs);
  }
  engine_.reset();
  EXPECT_TRUE(same(kept[1], Tensor::of<float>({4}, {0, 1, 2, 3})));
}

TEST_F(Child, RunsFromManyThreadsAtOnce) {
  const auto session = open("two_in_three_out");
  ASSERT_OK(session);
  EXPECT_TRUE((*session)->concurrent());
  std::atomic<int> wrong{0};
  const auto work = [&](float value) {
    const std::vector<NamedTensor> inputs = {{"a", Tensor::of<float>({1, 2}, {value, value})},
                                             {"b", Tensor::of<std::int64_t>({2}, {0, 0})}};
    for (int i = 0; i < 100; ++i) {
      const auto outputs = (*session)->run(inputs);
      if (!outputs || (*outputs)[2].data<float>()[0] != 2 * value) ++wrong;
    }
  };
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) threads.emplace_back(work, static_cast<float>(i));
  threads.clear();
  EXPECT_EQ(wrong, 0);
}

TEST_F(Child, ACrashIsSaidOnceThenItStartsAnew) {
  const auto session = open("two_in_three_out");
  ASSERT_OK(session);
  for (int i = 1; i <= 3; ++i) {
    ASSERT_OK((*session)->run(two()));
    signal_all(*engine_, SIGABRT);  // one that sanitizers leave as it is
    EXPECT_ERROR((*session)->run(two()), Code::kBug, "the engine died of SIGABRT");
    ASSERT_OK((*session)->run(two()));
    EXPECT_EQ(engine_->counts().crashed, static_cast<std::uint64_t>(i));
    EXPECT_EQ(engine_->counts().restarted, static_cast<std::uint64_t>(i));
  }
  EXPECT_EQ(engine_->processes().size(), 1U);
}

TEST_F(Child, OpensExternalDataFromMemoryAlsoAnew) {
  const auto source = ModelSource::from_files(os::real_file_system(), folder_ + "/external.onnx");
  ASSERT_OK(source);
  ASSERT_FALSE(source->external.empty());
  const auto session = engine_->open(*source, one_thread());
  ASSERT_OK(session);
  const std::vector<NamedTensor> x = {{"x", *Tensor::zeros(DType::kFloat32, {4})}};
  const auto expect_weights = [&] {
    const auto outputs = (*session)->run(x);
    ASSERT_OK(outputs);
    EXPECT_TRUE(same((*outputs)[0], Tensor::of<float>({4}, {0, 1, 2, 3})));
  };
  expect_weights();
  signal_all(*engine_, SIGKILL);
  EXPECT_ERROR((*session)->run(x), Code::kBug, "SIGKILL");
  expect_weights();
}

TEST_F(Child, WhatDiesBeforeItAnsweredIsNotStartedAgain) {
  const std::string copy = testing::TempDir() + "/arete-engine-" + std::to_string(::getpid());
  fs::copy_file(child_options().program, copy, fs::copy_options::overwrite_existing);
  ChildOptions options = child_options();
  options.program = copy;
  start(options);
  const auto session = open("two_in_three_out");
  ASSERT_OK(session);
  fs::remove(copy);
  signal_all(*engine_, SIGKILL);
  EXPECT_ERROR((*session)->run(two()), Code::kBug, "SIGKILL");
  EXPECT_ERROR((*session)->run(two()), Code::kUnavailable, "cannot start");
  EXPECT_ERROR((*session)->run(two()), Code::kUnavailable, "twice in a row");
  EXPECT_ERROR(open("scalar"), Code::kUnavailable, "cannot start");
}

TEST_F(Child, WhatDoesNotAnswerIsStopped) {
  ChildOptions options = child_options();
  options.run_timeout_ms = 200;
  start(options);
  const auto session = open("two_in_three_out");
  ASSERT_OK(session);
  const auto before = engine_->processes();
  signal_all(*engine_, SIGSTOP);
  EXPECT_ERROR((*session)->run(two()), Code::kTimeout, "did not answer within 200 ms");
  EXPECT_EQ(engine_->counts().timed_out, 1U);
  const auto again = (*session)->run(two());
  // On a busy machine a start may be slow, but a run is not.
  ASSERT_OK(again);
  EXPECT_NE(engine_->processes(), before);
}

TEST_F(Child, AModelThatHangsAtOpenIsStopped) {
  ChildOptions options = child_options();
  options.open_timeout_ms = 3000;
  start(options);
  signal_all(*engine_, SIGSTOP);
  EXPECT_ERROR(open("scalar"), Code::kTimeout, "did not answer within 3000 ms");
  ASSERT_OK(open("scalar"));
}

TEST_F(Child, EveryRunOfACrashedChildIsToldSo) {
  const auto session = open("two_in_three_out");
  ASSERT_OK(session);
  signal_all(*engine_, SIGSTOP);
  std::atomic<int> bugs{0};
  std::vector<std::jthread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      const auto outputs = (*session)->run(two());
      if (!outputs && outputs.error().code == Code::kBug) ++bugs;
    });
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  signal_all(*engine_, SIGKILL);
  threads.clear();
  EXPECT_EQ(bugs, 2);
  ASSERT_OK((*session)->run(two()));
}

TEST_F(Child, LeavesNoProcessAndNoDescriptor) {
  {
    ASSERT_OK(open("scalar"));
  }
  const auto before = open_descriptors("self");
  for (int i = 0; i < 20; ++i) {
    const auto session = open("two_in_three_out");
    ASSERT_OK(session);
    ASSERT_OK((*session)->run(two()));
    ASSERT_FALSE(open("unknown_op"));
  }
  EXPECT_EQ(open_descriptors("self"), before);
  EXPECT_TRUE(engine_->processes().empty());
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);  // no child, not even a dead one
}

TEST_F(Child, IsConfined) {
  ::setenv("ARETE_SECRET", "x", 1);
  start(child_options());
  ::unsetenv("ARETE_SECRET");
  const std::string process = std::to_string(engine_->processes().at(0));
  EXPECT_EQ(read("/proc/" + process + "/environ"), "");
  EXPECT_NE(read("/proc/" + process + "/status").find("NoNewPrivs:\t1"), std::string::npos);
  EXPECT_EQ(::getpgid(std::stoi(process)), std::stoi(process));
  EXPECT_EQ(open_descriptors(process), (std::set<std::string>{"0", "1", "2", "3", "4", "5", "6", "7", "8"}));
}

TEST_F(Child, KeepsToItsLimits) {
  ChildOptions options = child_options();
  options.max_run_bytes = 1 << 20;
  if (test::kThrowsBadAlloc) options.memory_bytes = 256 << 20;
  start(options);
  const auto session = open("unknown_rank");
  ASSERT_OK(session);
  const auto negate = [&](std::int64_t elements) {
    return (*session)->run(std::vector<NamedTensor>{{"x", *Tensor::zeros(DType::kFloat32, {elements})}});
  };
  EXPECT_ERROR(negate(1 << 20), Code::kExhausted, "the limit is 1048576");
  ASSERT_OK(negate(100));
  const auto fill = open("fill");
  ASSERT_OK(fill);
  const auto make = [&](std::int64_t elements) {
    return (*fill)->run(std::vector<NamedTensor>{{"shape", Tensor::of<std::int64_t>({1}, {elements})}});
  };
  EXPECT_ERROR(make(1 << 20), Code::kExhausted, "the limit is 1048576");
  if (test::kThrowsBadAlloc) EXPECT_ERROR(make(1 << 30), Code::kExhausted, "memory");
  ASSERT_OK(make(100));
  EXPECT_EQ(engine_->counts().crashed, 0U);
}

TEST_F(Child, SaysWhyItDoesNotStart) {
  ChildOptions options = child_options();
  options.program = "/nowhere/arete-engine";
  EXPECT_ERROR(make_child(options), Code::kUnavailable, "/nowhere/arete-engine");
  options = child_options();
  options.library_paths = {"/nowhere/libonnxruntime.so.1"};
  EXPECT_ERROR(make_child(options), Code::kUnavailable, "/nowhere/libonnxruntime.so.1");
  options = child_options();
  options.engine = "none";
  EXPECT_ERROR(make_child(options), Code::kNotFound, "no engine 'none'");
  options.program = "/bin/true";
  EXPECT_ERROR(make_child(options), Code::kBug, "ended with status 0");
  options.lanes = 0;
  EXPECT_ERROR(make_child(options), Code::kInvalid, "lanes");
}

// In a process of its own, which is killed; the child must go too, also while it is stopped. (The thread sanitizer ends
// a process that forks and starts threads.)
#ifndef __SANITIZE_THREAD__
TEST_F(Child, DiesWithItsParent) {
  engine_.reset();
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);  // so that the orphan's end is ours to see
  for (const bool stopped : {false, true}) {
    std::array<int, 2> pipe{};
    ASSERT_EQ(::pipe(pipe.data()), 0);
    const pid_t parent = ::fork();
    if (parent == 0) {
      auto made = make_child(child_options());
      const std::int64_t process = made ? (*made)->processes().at(0) : 0;
      if (::write(pipe[1], &process, sizeof(process)) != sizeof(process)) ::_exit(1);
      for (;;) ::pause();
    }
    std::int64_t process = 0;
    ASSERT_EQ(::read(pipe[0], &process, sizeof(process)), static_cast<ssize_t>(sizeof(process)));
    ASSERT_GT(process, 0);
    if (stopped) ::kill(static_cast<pid_t>(process), SIGSTOP);
    ::kill(parent, SIGKILL);
    ASSERT_EQ(::waitpid(parent, nullptr, 0), parent);
    int status = 0;
    ASSERT_EQ(::waitpid(static_cast<pid_t>(process), &status, 0), static_cast<pid_t>(process));
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
    for (const int end : pipe) ::close(end);
  }
  ::prctl(PR_SET_CHILD_SUBREAPER, 0);
}
#endif

}  // namespace
}  // namespace arete::engine
