#include "engine/child/child_side.h"

#include <new>
#include <thread>
#include <utility>

#include "engine/child/packet.h"

namespace arete::engine {
namespace {

class ChildSide {
 public:
  ChildSide(std::vector<Lane> lanes, std::unique_ptr<Engine> engine, std::uint64_t max_run_bytes)
      : lanes_(std::move(lanes)), engine_(std::move(engine)), max_run_bytes_(max_run_bytes) {}

  Status work() {
    Packet ready;
    ready.text(engine_->name());
    ready.text(engine_->version());
    RETURN_IF_ERROR(answer(lanes_[0], FrameKind::kReady, ready));
    RETURN_IF_ERROR(answer_open());
    std::vector<std::jthread> threads;
    for (std::size_t i = 1; i < lanes_.size(); ++i) {
      threads.emplace_back([this, i] { static_cast<void>(answer_runs(lanes_[i]).has_value()); });
    }
    return answer_runs(lanes_[0]);
  }

 private:
  Status answer(Lane& lane, FrameKind kind, const Packet& packet) const {
    Result<Frame> frame = packet.put(lane.answer, kind, max_run_bytes_);
    if (!frame) return refuse(lane, frame.error());
    return send_frame(lane.socket, *frame);
  }

  Status refuse(Lane& lane, const Error& error) const {
    ASSIGN_OR_RETURN(const Frame frame, error_packet(error).put(lane.answer, FrameKind::kFailed, kMaxMetaBytes));
    return send_frame(lane.socket, frame);
  }

  // One model for each child: after a refused one the parent has no more use for it.
  Status answer_open() {
    ASSIGN_OR_RETURN(const Frame frame, receive_frame(lanes_[0].socket, os::kNoTimeout));
    if (frame.kind != FrameKind::kOpen) return Error{Code::kCorrupt, "the parent opens no model"};
    Result<Packet> opened = open(frame);
    if (!opened) return refuse(lanes_[0], opened.error());
    return answer(lanes_[0], FrameKind::kAnswer, *opened);
  }

  static Status read_external(PacketReader& reader, ModelSource& source) {
    ASSIGN_OR_RETURN(const std::uint64_t files, reader.number());
    for (std::uint64_t i = 0; i < files; ++i) {
      ASSIGN_OR_RETURN(std::string location, reader.text());
      ASSIGN_OR_RETURN(source.external[std::move(location)].view, reader.part());
    }
    return {};
  }

  Result<Packet> open(const Frame& frame) {
    ASSIGN_OR_RETURN(PacketReader reader, PacketReader::take(lanes_[0].request, frame, kMaxOpenBytes));
    ModelSource source;
    SessionOptions options;
    ASSIGN_OR_RETURN(source.name, reader.text());
    ASSIGN_OR_RETURN(source.folder, reader.text());
    ASSIGN_OR_RETURN(const std::uint64_t threads, reader.number());
    options.threads = static_cast<int>(threads);
    ASSIGN_OR_RETURN(const std::uint64_t optimise, reader.number_up_to(1));
    options.optimise = optimise == 1;
    ASSIGN_OR_RETURN(options.optimised_model_path, reader.text());
    ASSIGN_OR_RETURN(source.bytes.view, reader.part());
    RETURN_IF_ERROR(read_external(reader, source));
    ASSIGN_OR_RETURN(session_, engine_->open(source, options));
    Packet packet;
    packet.value_infos(session_->inputs());
    packet.value_infos(session_->outputs());
    return packet;
  }

  Status answer_runs(Lane& lane) {
    while (session_ != nullptr) {
      ASSIGN_OR_RETURN(const Frame frame, receive_frame(lane.socket, os::kNoTimeout));
      if (frame.kind != FrameKind::kRun) return Error{Code::kCorrupt, "the parent asks for something else than a run"};
      RETURN_IF_ERROR(answer_run(lane, frame));
    }
    return {};
  }

  Status answer_run(Lane& lane, const Frame& frame) try {
    const Result<std::vector<Tensor>> outputs = run(lane, frame);
    if (!outputs) return refuse(lane, outputs.error());
    Packet packet;
    for (const Tensor& output : *outputs) packet.tensor("", output);
    return answer(lane, FrameKind::kAnswer, packet);
  } catch (const std::bad_alloc&) {
    return refuse(lane, {Code::kExhausted, "no memory"});
  }

  Result<std::vector<Tensor>> run(Lane& lane, const Frame& frame) {
    ASSIGN_OR_RETURN(PacketReader reader, PacketReader::take(lane.request, frame, max_run_bytes_));
    std::vector<NamedTensor> inputs;
    for (std::size_t i = 0; i < session_->inputs().size(); ++i) {
      ASSIGN_OR_RETURN(NamedTensor input, reader.tensor(false));
      inputs.push_back(std::move(input));
    }
    return session_->run(inputs);
  }

  std::vector<Lane> lanes_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Session> session_;
  const std::uint64_t max_run_bytes_;
};

}  // namespace

std::vector<Lane> adopt_lanes(int first, int count) {
  std::vector<Lane> lanes;
  for (int i = 0; i < count; ++i) {
    const int at = first + i * kDescriptorsPerLane;
    lanes.push_back({os::MessageSocket(os::Descriptor(at)), os::SharedBlock(os::Descriptor(at + 1)),
                     os::SharedBlock(os::Descriptor(at + 2))});
  }
  return lanes;
}

Status answer_parent(std::vector<Lane> lanes, Result<std::unique_ptr<Engine>> engine, std::uint64_t max_run_bytes) {
  if (engine) return ChildSide(std::move(lanes), std::move(*engine), max_run_bytes).work();
  ASSIGN_OR_RETURN(const Frame frame,
                   error_packet(engine.error()).put(lanes.at(0).answer, FrameKind::kFailed, kMaxMetaBytes));
  return send_frame(lanes.at(0).socket, frame);
}

}  // namespace arete::engine
