#include "engine/child/child.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <new>
#include <numeric>
#include <utility>

#include "engine/child/child_process.h"
#include "engine/child/packet.h"

namespace arete::engine {
namespace {

struct Described {
  std::vector<ValueInfo> inputs;
  std::vector<ValueInfo> outputs;
};

// Has a fresh child open the model.
Result<Described> open_in(ChildProcess& child, const ModelSource& source, const SessionOptions& options,
                          int timeout_ms) {
  Packet packet;
  packet.text(source.name);
  packet.text(source.folder);
  packet.number(static_cast<std::uint64_t>(options.threads));
  packet.number(options.optimise ? 1 : 0);
  packet.text(options.optimised_model_path);
  packet.part(source.bytes.view);
  packet.number(source.external.size());
  for (const auto& [location, data] : source.external) {
    packet.text(location);
    packet.part(data.view);
  }
  ASSIGN_OR_RETURN(PacketReader reader, child.ask(0, FrameKind::kOpen, packet, kMaxOpenBytes, timeout_ms));
  Result<std::vector<ValueInfo>> inputs = reader.value_infos();
  if (!inputs) return child.refuse(inputs.error());
  Result<std::vector<ValueInfo>> outputs = reader.value_infos();
  if (!outputs) return child.refuse(outputs.error());
  child.release(0, 0);  // the model's bytes
  return Described{std::move(*inputs), std::move(*outputs)};
}

Result<std::vector<Tensor>> read_outputs(PacketReader& reader, const std::vector<ValueInfo>& wanted) {
  std::vector<Tensor> outputs;
  outputs.reserve(wanted.size());
  for (const ValueInfo& info : wanted) {
    ASSIGN_OR_RETURN(NamedTensor output, reader.tensor(true));
    if (output.tensor.dtype() != info.dtype)
      return Error{Code::kCorrupt, "output '" + info.name + "' has another dtype"};
    outputs.push_back(std::move(output.tensor));
  }
  return outputs;
}

class ChildSession final : public Session {
 public:
  ChildSession(os::ProcessStarter& starter, ChildRoster& roster, const ChildOptions& options, ModelSource source,
               SessionOptions wanted, std::unique_ptr<ChildProcess> child, Described described)
      : starter_(starter),
        roster_(roster),
        options_(options),
        source_(std::move(source)),
        wanted_(std::move(wanted)),
        described_(std::move(described)),
        child_(std::move(child)),
        busy_(child_->lanes(), false) {}

  const std::vector<ValueInfo>& inputs() const override { return described_.inputs; }
  const std::vector<ValueInfo>& outputs() const override { return described_.outputs; }

  Result<std::vector<Tensor>> run(std::span<const NamedTensor> inputs) override {
    RETURN_IF_ERROR(check_inputs(described_.inputs, inputs));
    ASSIGN_OR_RETURN(const std::size_t lane, take_lane());
    Result<std::vector<Tensor>> outputs = run_in(lane, inputs);
    give_back(lane, outputs.has_value());
    return outputs;
  }

 private:
  // The child is not replaced while a lane is taken.
  Result<std::vector<Tensor>> run_in(std::size_t lane, std::span<const NamedTensor> inputs) try {
    Packet packet;
    std::uint64_t bytes = 0;
    for (const NamedTensor& input : inputs) {
      packet.tensor(input.name, input.tensor);
      bytes += input.tensor.size_bytes();
    }
    ASSIGN_OR_RETURN(PacketReader reader,
                     child_->ask(lane, FrameKind::kRun, packet, options_.max_run_bytes, options_.run_timeout_ms));
    Result<std::vector<Tensor>> outputs = read_outputs(reader, described_.outputs);
    if (!outputs) return child_->refuse(outputs.error());
    for (const Tensor& output : *outputs) bytes += output.size_bytes();
    if (bytes > kKeptBytes) child_->release(lane, kKeptBytes);
    return outputs;
  } catch (const std::bad_alloc&) {
    return Error{Code::kExhausted, "no memory"};
  }

  Result<std::size_t> take_lane() {
    std::unique_lock lock(mutex_);
    for (;;) {
      if (child_->is_alive()) {
        const auto free = std::ranges::find(busy_, false);
        if (free != busy_.end()) {
          *free = true;
          return static_cast<std::size_t>(free - busy_.begin());
        }
      } else if (std::ranges::none_of(busy_, [](bool busy) { return busy; })) {
        RETURN_IF_ERROR(restart());
        continue;
      }
      freed_.wait(lock);
    }
  }

  void give_back(std::size_t lane, bool answered) {
    {
      const std::lock_guard lock(mutex_);
      busy_[lane] = false;
      if (answered) may_restart_ = true;
    }
    freed_.notify_all();
  }

  Status restart() {
    if (!may_restart_) {
      return Error{Code::kUnavailable, "'" + source_.name + "': the engine died twice in a row; open the model again"};
    }
    may_restart_ = false;
    ASSIGN_OR_RETURN(std::unique_ptr<ChildProcess> child, ChildProcess::start(starter_, options_, roster_));
    roster_.restarted();
    RETURN_IF_ERROR(open_in(*child, source_, wanted_, options_.open_timeout_ms));
    child_ = std::move(child);
    return {};
  }

  os::ProcessStarter& starter_;
  ChildRoster& roster_;
  const ChildOptions& options_;
  const ModelSource source_;
  const SessionOptions wanted_;
  const Described described_;
  std::mutex mutex_;
  std::condition_variable freed_;
  std::unique_ptr<ChildProcess> child_;
  std::vector<bool> busy_;
  bool may_restart_ = true;
};

class RealChildEngine final : public ChildEngine {
 public:
  RealChildEngine(ChildOptions options, std::unique_ptr<os::ProcessStarter> starter)
      : options_(std::move(options)), starter_(std::move(starter)) {}

  Status start_first() {
    ASSIGN_OR_RETURN(std::unique_ptr<ChildProcess> child, ChildProcess::start(*starter_, options_, roster_));
    name_ = child->name();
    version_ = child->version();
    waiting_ = std::move(child);
    return {};
  }

  std::string name() const override { return name_; }
  std::string version() const override { return version_; }
  ChildCounts counts() const override { return roster_.counts(); }
  std::vector<std::int64_t> processes() const override { return roster_.processes(); }

  std::uint64_t resident_bytes() const override {
    const std::vector<std::int64_t> all = processes();
    return std::accumulate(all.begin(), all.end(), std::uint64_t{0}, [](std::uint64_t sum, std::int64_t process) {
      return sum + os::resident_bytes_of(process);
    });
  }

  Result<std::unique_ptr<Session>> open(const ModelSource& source, const SessionOptions& options) override {
    ASSIGN_OR_RETURN(std::unique_ptr<ChildProcess> child, take_child());
    Result<Described> described = open_in(*child, source, options, options_.open_timeout_ms);
    if (!described) {
      if (child->is_alive()) return std::move(described).error();  // the child named the model
      return with_context(std::move(described).error(), "'" + source.name + "'");
    }
    return std::unique_ptr<Session>(std::make_unique<ChildSession>(*starter_, roster_, options_, source, options,
                                                                   std::move(child), std::move(*described)));
  }

 private:
  Result<std::unique_ptr<ChildProcess>> take_child() {
    {
      const std::lock_guard lock(mutex_);
      if (waiting_ != nullptr) return std::move(waiting_);
    }
    return ChildProcess::start(*starter_, options_, roster_);
  }

  const ChildOptions options_;
  std::unique_ptr<os::ProcessStarter> starter_;
  ChildRoster roster_;
  std::string name_;
  std::string version_;
  std::mutex mutex_;
  std::unique_ptr<ChildProcess> waiting_;  // the first one, until the first open
};

Status check_options(const ChildOptions& options) {
  if (options.lanes < 1 || options.lanes > kMaxLanes) {
    return Error{Code::kInvalid, std::to_string(options.lanes) + " lanes: give 1 to " + std::to_string(kMaxLanes)};
  }
  if (options.open_timeout_ms < 0 || options.run_timeout_ms < 0) return Error{Code::kInvalid, "a timeout is negative"};
  return {};
}

}  // namespace

Result<std::unique_ptr<ChildEngine>> make_child(const ChildOptions& options,
                                                std::unique_ptr<os::ProcessStarter> starter) {
  RETURN_IF_ERROR(check_options(options));
  if (starter == nullptr) starter = os::make_process_starter();
  auto engine = std::make_unique<RealChildEngine>(options, std::move(starter));
  RETURN_IF_ERROR(engine->start_first());
  return std::unique_ptr<ChildEngine>(std::move(engine));
}

}  // namespace arete::engine
