#include "engine/child/child_process.h"

#include <algorithm>
#include <utility>

namespace arete::engine {
namespace {

constexpr int kEndWaitMs = 2000;  // for the system to say how a child ended whose sockets are closed
constexpr std::uint64_t kMaxReadyBytes = 1 << 20;

Result<std::vector<Lane>> make_lanes(int count, std::vector<os::MessageSocket>& childs_ends) {
  std::vector<Lane> lanes;
  for (int i = 0; i < count; ++i) {
    ASSIGN_OR_RETURN(auto ends, os::MessageSocket::make_pair());
    ASSIGN_OR_RETURN(os::SharedBlock request, os::SharedBlock::create());
    ASSIGN_OR_RETURN(os::SharedBlock answer, os::SharedBlock::create());
    childs_ends.push_back(std::move(ends.second));
    lanes.push_back({std::move(ends.first), std::move(request), std::move(answer)});
  }
  return lanes;
}

// What apps/engine_child.cpp reads.
std::vector<std::string> arguments_of(const ChildOptions& options) {
  std::vector<std::string> arguments = {"--engine",        options.engine,
                                        "--lanes",         std::to_string(options.lanes),
                                        "--max-run-bytes", std::to_string(options.max_run_bytes),
                                        "--memory-bytes",  std::to_string(options.memory_bytes)};
  for (const std::string& path : options.library_paths) {
    arguments.emplace_back("--library");
    arguments.push_back(path);
  }
  return arguments;
}

}  // namespace

void ChildRoster::started(std::int64_t process) {
  ++started_;
  const std::lock_guard lock(mutex_);
  running_.insert(process);
}

void ChildRoster::ended(std::int64_t process) {
  const std::lock_guard lock(mutex_);
  running_.erase(process);
}

ChildCounts ChildRoster::counts() const { return {started_, crashed_, timed_out_, restarted_}; }

std::vector<std::int64_t> ChildRoster::processes() const {
  const std::lock_guard lock(mutex_);
  return {running_.begin(), running_.end()};
}

Result<std::unique_ptr<ChildProcess>> ChildProcess::start(os::ProcessStarter& starter, const ChildOptions& options,
                                                          ChildRoster& roster) {
  std::vector<os::MessageSocket> childs_ends;  // closed here once the child has them
  ASSIGN_OR_RETURN(std::vector<Lane> lanes, make_lanes(options.lanes, childs_ends));
  os::ProcessOptions wanted{.program = options.program, .arguments = arguments_of(options)};
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    for (const int descriptor :
         {childs_ends[i].descriptor(), lanes[i].request.descriptor(), lanes[i].answer.descriptor()}) {
      wanted.handed_over.push_back(descriptor);
    }
  }
  ASSIGN_OR_RETURN(std::unique_ptr<os::Process> process, starter.start(wanted));
  childs_ends.clear();
  std::unique_ptr<ChildProcess> child(new ChildProcess(std::move(lanes), std::move(process), roster));
  ASSIGN_OR_RETURN(PacketReader ready, child->receive(0, kMaxReadyBytes, options.open_timeout_ms));
  Result<std::string> name = ready.text();
  Result<std::string> version = ready.text();
  if (!name || !version) return child->refuse(name ? version.error() : name.error());
  child->name_ = std::move(*name);
  child->version_ = std::move(*version);
  return child;
}

ChildProcess::ChildProcess(std::vector<Lane> lanes, std::unique_ptr<os::Process> process, ChildRoster& roster)
    : lanes_(std::move(lanes)), process_(std::move(process)), roster_(roster) {
  roster_.started(process_->id());
}

ChildProcess::~ChildProcess() {
  const std::int64_t id = process_->id();
  process_.reset();  // waits for its end
  roster_.ended(id);
}

Result<PacketReader> ChildProcess::ask(std::size_t lane, FrameKind kind, const Packet& packet, std::uint64_t max_bytes,
                                       int timeout_ms) {
  ASSIGN_OR_RETURN(const Frame frame, packet.put(lanes_[lane].request, kind, max_bytes));
  if (!send_frame(lanes_[lane].socket, frame)) return gone();
  return receive(lane, max_bytes, timeout_ms);
}

Result<PacketReader> ChildProcess::receive(std::size_t lane, std::uint64_t max_bytes, int timeout_ms) {
  const Result<Frame> frame = receive_frame(lanes_[lane].socket, timeout_ms > 0 ? timeout_ms : os::kNoTimeout);
  if (!frame) {
    if (frame.error().code == Code::kUnavailable) return gone();
    if (frame.error().code != Code::kTimeout) return refuse(frame.error());
    roster_.timed_out();
    stop();
    return Error{Code::kTimeout,
                 "the engine did not answer within " + std::to_string(timeout_ms) + " ms and was stopped"};
  }
  Result<PacketReader> reader = PacketReader::take(lanes_[lane].answer, *frame, max_bytes);
  if (!reader) return refuse(reader.error());
  switch (frame->kind) {
    case FrameKind::kReady:
    case FrameKind::kAnswer:
      return reader;
    case FrameKind::kFailed:
      return read_error(*reader);
    default:
      return refuse({Code::kCorrupt, "an answer of no known kind"});
  }
}

void ChildProcess::release(std::size_t lane, std::uint64_t keep_bytes) {
  lanes_[lane].request.release(keep_bytes);
  lanes_[lane].answer.release(keep_bytes);
}

Error ChildProcess::refuse(const Error& nonsense) {
  roster_.crashed();
  stop();
  return {Code::kBug, "the engine's process answered what makes no sense and was stopped: " + nonsense.message};
}

Error ChildProcess::gone() {
  const std::lock_guard lock(ending_);
  if (stopped_) return {Code::kUnavailable, "the engine was stopped because another run had no answer"};
  const std::optional<os::ProcessEnd> end = process_->wait(kEndWaitMs);
  if (alive_.exchange(false)) roster_.crashed();
  if (!end) process_->kill();  // it closed its sockets and lives on
  return {Code::kBug, "the engine " + (end ? os::describe(*end) : std::string("closed its door"))};
}

void ChildProcess::stop() {
  stopped_ = true;
  alive_ = false;
  process_->kill();
}

}  // namespace arete::engine
