// A child that lies: sizes beyond its memory, other dtypes, half messages. The parent must say so, and live.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <thread>

#include "engine/child/child.h"
#include "engine/child/child_side.h"
#include "engine/child/packet.h"
#include "tests/support/assert.h"

namespace arete::engine {
namespace {

using Script = std::function<void(std::vector<Lane>&)>;

// A thread where the process would be.
class ScriptedProcess final : public os::Process {
 public:
  ScriptedProcess(const std::vector<int>& handed_over, const Script& script) {
    std::vector<int> own;
    for (const int descriptor : handed_over) own.push_back(::dup(descriptor));
    door_ = ::dup(own.at(0));
    std::vector<Lane> lanes;
    for (std::size_t i = 0; i < own.size(); i += kDescriptorsPerLane) {
      lanes.push_back({os::MessageSocket(os::Descriptor(own[i])), os::SharedBlock(os::Descriptor(own[i + 1])),
                       os::SharedBlock(os::Descriptor(own[i + 2]))});
    }
    thread_ = std::jthread([lanes = std::move(lanes), script]() mutable {
      script(lanes);
      for (const Lane& lane : lanes) ::shutdown(lane.socket.descriptor(), SHUT_RDWR);
    });
  }
  ~ScriptedProcess() override {
    kill();
    thread_ = {};
    ::close(door_);
  }
  std::int64_t id() const override { return 1; }
  std::optional<os::ProcessEnd> wait(int) override { return os::ProcessEnd{}; }
  void kill() override { ::shutdown(door_, SHUT_RDWR); }

 private:
  int door_ = -1;
  std::jthread thread_;
};

class ScriptedStarter final : public os::ProcessStarter {
 public:
  explicit ScriptedStarter(Script script) : script_(std::move(script)) {}
  Result<std::unique_ptr<os::Process>> start(const os::ProcessOptions& options) override {
    return std::unique_ptr<os::Process>(std::make_unique<ScriptedProcess>(options.handed_over, script_));
  }

 private:
  const Script script_;
};

Result<std::unique_ptr<ChildEngine>> scripted(Script script) {
  ChildOptions options;
  options.program = "scripted";
  options.lanes = 1;
  options.max_run_bytes = 1 << 20;
  return make_child(options, std::make_unique<ScriptedStarter>(std::move(script)));
}

void send(Lane& lane, FrameKind kind, const Packet& packet) {
  const auto frame = packet.put(lane.answer, kind, 1 << 30);
  if (frame) static_cast<void>(send_frame(lane.socket, *frame).has_value());
}

void be_ready(Lane& lane) {
  Packet packet;
  packet.text("scripted");
  packet.text("1");
  send(lane, FrameKind::kReady, packet);
}

void open_model(Lane& lane) {
  if (!receive_frame(lane.socket, os::kNoTimeout)) return;
  Packet packet;
  packet.value_infos(std::vector<ValueInfo>{{"x", DType::kFloat32, {-1}}});
  packet.value_infos(std::vector<ValueInfo>{{"y", DType::kFloat32, {-1}}});
  send(lane, FrameKind::kAnswer, packet);
}

// What a run gives whose answer is `answer`.
Result<std::vector<Tensor>> run_against(const Script& answer) {
  const auto engine = scripted([answer](std::vector<Lane>& lanes) {
    be_ready(lanes[0]);
    open_model(lanes[0]);
    if (receive_frame(lanes[0].socket, os::kNoTimeout)) answer(lanes);
    // What it may be asked further it does not answer, and lives on until it is killed.
    static_cast<void>(receive_frame(lanes[0].socket, os::kNoTimeout).has_value());
  });
  if (!engine) return engine.error();
  ASSIGN_OR_RETURN(const std::unique_ptr<Session> session, (*engine)->open(ModelSource::from_bytes("m", "m"), {}));
  return session->run(std::vector<NamedTensor>{{"x", Tensor::of<float>({2}, {1, 2})}});
}

Script with_packet(const std::function<void(Packet&)>& fill) {
  return [fill](std::vector<Lane>& lanes) {
    Packet packet;
    fill(packet);
    send(lanes[0], FrameKind::kAnswer, packet);
  };
}

Script with_frame(const Frame& frame) {
  return [frame](std::vector<Lane>& lanes) { static_cast<void>(send_frame(lanes[0].socket, frame).has_value()); };
}

TEST(HostileChild, AnHonestOneIsBelieved) {
  const auto outputs = run_against(with_packet([](Packet& packet) {
    static const Tensor y = Tensor::of<float>({3}, {1, 2, 3});
    packet.tensor("y", y);
  }));
  ASSERT_OK(outputs);
  EXPECT_EQ((*outputs)[0].data<float>()[2], 3.0F);
}

TEST(HostileChild, AnswersThatMakeNoSenseAreBugs) {
  const auto numbers = [](const std::vector<std::uint64_t>& values) {
    return with_packet([values](Packet& packet) {
      packet.text("y");
      for (const std::uint64_t value : values) packet.number(value);
    });
  };
  constexpr std::uint64_t kHuge = ~std::uint64_t{0};
  const std::vector<std::pair<const char*, Script>> lies = {
      {"nothing", with_packet([](Packet&) {})},
      {"another dtype", with_packet([](Packet& packet) {
         static const Tensor y = Tensor::scalar<std::int64_t>(1);
         packet.tensor("y", y);
       })},
      {"a dtype that is none", numbers({250, 0, 4})},
      {"a rank that is none", numbers({1, kHuge})},
      {"a size that is none", numbers({1, 1, kHuge, 4})},
      {"more elements than bytes", numbers({1, 1, 1 << 20, 4})},
      {"a part beyond the block", numbers({1, 1, 1 << 20, 4 << 20})},
      {"a part beyond all memory", numbers({1, 1, 1, kHuge})},
      {"strings without bytes", numbers({8, 1, 1 << 20, 0})},
      {"a block beyond its memory", with_frame({FrameKind::kAnswer, 0, 8, 1 << 19})},
      {"a block beyond the limit", with_frame({FrameKind::kAnswer, 0, 8, kHuge})},
      {"meta beyond the block", with_frame({FrameKind::kAnswer, 0, 4096, 64})},
      {"meta beyond the limit", with_frame({FrameKind::kAnswer, 0, kHuge, kHuge})},
      {"a kind that is none", with_frame({static_cast<FrameKind>(77), 0, 0, 0})},
      {"a question", with_frame({FrameKind::kRun, 0, 0, 0})},
      {"an error without words", with_frame({FrameKind::kFailed, 0, 0, 0})},
      {"half a message",
       [](std::vector<Lane>& lanes) {
         static_cast<void>(lanes[0].socket.send(std::array<std::byte, 5>{}).has_value());
       }},
      {"a long message",
       [](std::vector<Lane>& lanes) {
         static_cast<void>(lanes[0].socket.send(std::vector<std::byte>(4000)).has_value());
       }},
      {"its end", [](std::vector<Lane>& lanes) { ::shutdown(lanes[0].socket.descriptor(), SHUT_RDWR); }},
  };
  for (const auto& [what, lie] : lies) {
    SCOPED_TRACE(what);
    EXPECT_ERROR(run_against(lie), Code::kBug, "");
  }
}

TEST(HostileChild, ALieAtTheStartOrAtOpenIsABug) {
  EXPECT_ERROR(scripted([](std::vector<Lane>& lanes) { send(lanes[0], FrameKind::kReady, Packet()); }), Code::kBug, "");
  EXPECT_ERROR(scripted([](std::vector<Lane>&) {}), Code::kBug, "ended with status 0");
  const auto engine = scripted([](std::vector<Lane>& lanes) {
    be_ready(lanes[0]);
    if (!receive_frame(lanes[0].socket, os::kNoTimeout)) return;
    Packet packet;
    packet.number(kMaxTensors);  // and then none
    send(lanes[0], FrameKind::kAnswer, packet);
    static_cast<void>(receive_frame(lanes[0].socket, os::kNoTimeout).has_value());
  });
  ASSERT_OK(engine);
  EXPECT_ERROR((*engine)->open(ModelSource::from_bytes("m", "m"), {}), Code::kBug, "'m': ");
}

TEST(HostileChild, ItsErrorsAreHandedOn) {
  const auto failed = run_against([](std::vector<Lane>& lanes) {
    send(lanes[0], FrameKind::kFailed, error_packet({Code::kExhausted, "no memory"}));
  });
  EXPECT_ERROR(failed, Code::kExhausted, "no memory");
  const auto unknown = run_against([](std::vector<Lane>& lanes) {
    Packet packet;
    packet.number(99);
    send(lanes[0], FrameKind::kFailed, packet);
  });
  EXPECT_ERROR(unknown, Code::kBug, "too large");
}

// The parent's bytes are judged too: the child may run as somebody who is not trusted by it.
TEST(ChildSide, EndsWithoutHarmWhenTheParentLies) {
  class NoEngine final : public Engine {
    std::string name() const override { return "none"; }
    std::string version() const override { return "0"; }
    Result<std::unique_ptr<Session>> open(const ModelSource&, const SessionOptions&) override {
      return Error{Code::kCorrupt, "opened"};
    }
  };
  for (const Frame& frame : {Frame{FrameKind::kOpen, 0, ~std::uint64_t{0}, 8}, Frame{FrameKind::kOpen, 0, 64, 1 << 20},
                             Frame{FrameKind::kRun, 0, 0, 0}}) {
    auto ends = os::MessageSocket::make_pair();
    ASSERT_OK(ends);
    std::vector<Lane> lanes;
    lanes.push_back(
        {std::move(ends->second), std::move(*os::SharedBlock::create()), std::move(*os::SharedBlock::create())});
    ASSERT_OK(send_frame(ends->first, frame));
    static_cast<void>(
        answer_parent(std::move(lanes), std::unique_ptr<Engine>(std::make_unique<NoEngine>()), 1 << 20).has_value());
  }
}

}  // namespace
}  // namespace arete::engine
