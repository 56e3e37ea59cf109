#include "os/base/process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstring>
#include <fstream>
#include <mutex>
#include <queue>
#include <stop_token>
#include <thread>
#include <utility>

#include "os/base/descriptor.h"

namespace arete::os {
namespace {

using Milliseconds = std::chrono::milliseconds;

class RealProcess final : public Process {
 public:
  explicit RealProcess(pid_t id) : id_(id) {}
  ~RealProcess() override {
    kill();
    while (!end_ && !wait(kForever)) {
    }
  }

  std::int64_t id() const override { return id_; }

  std::optional<ProcessEnd> wait(int timeout_ms) override {
    const auto end = std::chrono::steady_clock::now() + Milliseconds(timeout_ms);
    for (int pause_us = 50; !look(timeout_ms == kForever) && std::chrono::steady_clock::now() < end;) {
      std::this_thread::sleep_for(std::chrono::microseconds(pause_us));
      pause_us = std::min(2 * pause_us, 5000);
    }
    return end_;
  }

  void kill() override {
    const std::lock_guard lock(mutex_);
    if (!end_) ::kill(id_, SIGKILL);  // not once it is taken from the table: the number may be another's then
  }

 private:
  static constexpr int kForever = 1 << 30;

  // True once it has ended.
  bool look(bool block) {
    if (block) {  // without the lock, and without taking it from the table
      siginfo_t seen{};
      while (::waitid(P_PID, static_cast<id_t>(id_), &seen, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
      }
    }
    const std::lock_guard lock(mutex_);
    if (end_) return true;
    int status = 0;
    const pid_t found = ::waitpid(id_, &status, WNOHANG);
    if (found == 0 || (found < 0 && errno == EINTR)) return false;
    end_ = found < 0             ? ProcessEnd{}  // somebody else took it
           : WIFSIGNALED(status) ? ProcessEnd{0, WTERMSIG(status)}
                                 : ProcessEnd{WEXITSTATUS(status), 0};
    return true;
  }

  const pid_t id_;
  std::mutex mutex_;
  std::optional<ProcessEnd> end_;
};

// posix_spawn's two parameters, freed with this object.
class SpawnPlan {
 public:
  SpawnPlan() {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawnattr_init(&attributes_);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
  ~SpawnPlan() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }

  Status hand_over(const std::vector<int>& descriptors) {
    const int end = kFirstHandedOver + static_cast<int>(descriptors.size());
    ::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_addopen(&actions_, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    for (int i = kFirstHandedOver; i < end; ++i) {
      // A copy behind the places that are filled, so that none is overwritten before it has moved.
      copies_.emplace_back(::fcntl(descriptors[static_cast<std::size_t>(i - kFirstHandedOver)], F_DUPFD_CLOEXEC, end));
      if (!copies_.back().is_open()) return Error{Code::kExhausted, "no descriptor is free for a child process"};
      ::posix_spawn_file_actions_adddup2(&actions_, copies_.back().number(), i);
    }
    ::posix_spawn_file_actions_addclosefrom_np(&actions_, end);
    return {};
  }

  // Signals as a program expects them, whatever this one did to its own.
  void reset_signals() {
    sigset_t none;
    sigset_t all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setsigdefault(&attributes_, &all);
    ::posix_spawnattr_setpgroup(&attributes_, 0);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  }

  const posix_spawn_file_actions_t* actions() const { return &actions_; }
  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
  std::vector<Descriptor> copies_;
};

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  all.reserve(texts.size() + 1);
  for (std::string& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

Result<std::unique_ptr<Process>> spawn(const ProcessOptions& options) {
  if (options.handed_over.size() > kMaxHandedOver) return Error{Code::kExhausted, "too many descriptors for a child"};
  SpawnPlan plan;
  RETURN_IF_ERROR(plan.hand_over(options.handed_over));
  plan.reset_signals();
  std::vector<std::string> arguments = {options.program};
  arguments.insert(arguments.end(), options.arguments.begin(), options.arguments.end());
  std::vector<std::string> environment = options.environment;
  pid_t id = 0;
  const int failed = ::posix_spawn(&id, options.program.c_str(), plan.actions(), plan.attributes(),
                                   pointers(arguments).data(), pointers(environment).data());
  if (failed != 0) {
    return Error{Code::kUnavailable, "cannot start '" + options.program + "': " + std::strerror(failed)};
  }
  return std::unique_ptr<Process>(std::make_unique<RealProcess>(id));
}

class RealStarter final : public ProcessStarter {
 public:
  RealStarter() : thread_([this](const std::stop_token& stop) { work(stop); }) {}

  Result<std::unique_ptr<Process>> start(const ProcessOptions& options) override {
    Request request{options, std::nullopt};
    std::unique_lock lock(mutex_);
    requests_.push(&request);  // as many as callers wait here
    changed_.notify_all();
    changed_.wait(lock, [&request] { return request.answer.has_value(); });
    return std::move(*request.answer);
  }

 private:
  struct Request {
    const ProcessOptions& options;
    std::optional<Result<std::unique_ptr<Process>>> answer;
  };

  void work(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (changed_.wait(lock, stop, [this] { return !requests_.empty(); })) {
      Request* const request = requests_.front();
      requests_.pop();
      lock.unlock();
      Result<std::unique_ptr<Process>> answer = spawn(request->options);
      lock.lock();
      request->answer = std::move(answer);
      changed_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::queue<Request*> requests_;
  std::jthread thread_;  // last: it uses the others
};

}  // namespace

std::string describe(const ProcessEnd& end) {
  if (end.signal == 0) return "ended with status " + std::to_string(end.status);
  const char* const name = ::sigabbrev_np(end.signal);
  return "died of " + (name == nullptr ? "signal " + std::to_string(end.signal) : std::string("SIG") + name);
}

std::unique_ptr<ProcessStarter> make_process_starter() { return std::make_unique<RealStarter>(); }

void end_with_parent(int descriptor) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  // The parent may have gone before that call, or have closed its end only.
  std::thread([descriptor] {
    pollfd waited{descriptor, POLLRDHUP, 0};
    while (::poll(&waited, 1, -1) < 0 && errno == EINTR) {
    }
    ::kill(::getpid(), SIGKILL);
  }).detach();
}

Status confine(std::uint64_t max_file_bytes) {
  const rlimit none{0, 0};
  const rlimit file{max_file_bytes, max_file_bytes};
  const bool done = ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::setrlimit(RLIMIT_CORE, &none) == 0 &&
                    ::setrlimit(RLIMIT_FSIZE, &file) == 0;
  ::signal(SIGXFSZ, SIG_IGN);  // beyond it a call fails, and that is answered
  if (done) return {};
  return Error{Code::kUnavailable, std::string("this process cannot be confined: ") + std::strerror(errno)};
}

std::uint64_t resident_bytes_of(std::int64_t process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/statm");
  std::uint64_t total_pages = 0;
  std::uint64_t resident_pages = 0;
  if (!(file >> total_pages >> resident_pages)) return 0;
  return resident_pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace arete::os
