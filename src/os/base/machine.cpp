#include "os/base/machine.h"

#include <malloc.h>
#include <sched.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>
#include <vector>

namespace arete::os {
namespace {

class RealClock final : public Clock {
 public:
  std::int64_t now_ns() const override {
    const auto since = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::nanoseconds>(since).count();
  }
};

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// "quota period" of cgroup v2; a quota of 1.5 CPUs counts as 1 core.
int cgroup_cores() {
  std::istringstream text(first_line("/sys/fs/cgroup/cpu.max"));
  double quota = 0;
  double period = 0;
  if (!(text >> quota >> period) || period <= 0 || quota <= 0) return 1 << 20;
  return std::max(1, static_cast<int>(quota / period));
}

// A row "KEY:  N kB" of one of the system's files.
std::uint64_t row_bytes(const char* path, const std::string& key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(key)) return std::stoull(line.substr(key.size())) * 1024;
  }
  return 0;
}

std::uint64_t status_bytes(const std::string& key) { return row_bytes("/proc/self/status", key); }

std::string cpuinfo(const std::string& key) {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(key)) return line.substr(std::min(line.size(), line.find(':') + 2));
  }
  return "";
}

bool has_flag(const std::string& flags, const std::string& flag) {
  return (" " + flags + " ").find(" " + flag + " ") != std::string::npos;
}

std::atomic<int> stop_signals{0};

void on_stop_signal(int number) {
  // A second signal means that the person does not want to wait.
  if (stop_signals.fetch_add(1) > 0) ::_exit(128 + number);
}

}  // namespace

const Clock& real_clock() {
  // Never destroyed: threads that nobody joins may ask for the time until the process is gone.
  static const RealClock& clock = *new RealClock;
  return clock;
}

int physical_cores() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (::sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return 1;
  std::set<std::string> cores;  // siblings of one core share this line
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    const std::string topology = "/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/";
    std::string siblings = first_line(topology + "thread_siblings_list");
    cores.insert(siblings.empty() ? std::to_string(cpu) : siblings);
  }
  return std::max(1, std::min(static_cast<int>(cores.size()), cgroup_cores()));
}

std::string cpu_description() {
  std::string name = cpuinfo("model name");
  const std::string flags = cpuinfo("flags");
  std::string features;
  for (const auto& [flag, label] :
       {std::pair{"avx2", "AVX2"}, {"avx512f", "AVX-512"}, {"avx512_vnni", "VNNI"}, {"avx_vnni", "AVX-VNNI"}}) {
    if (has_flag(flags, flag)) features += (features.empty() ? "" : ", ") + std::string(label);
  }
  if (name.empty()) name = "unknown CPU";
  return features.empty() ? name : name + " (" + features + ")";
}

std::string platform() {
  utsname names{};
  return ::uname(&names) == 0 ? std::string(names.machine) + "-linux" : "linux";
}

bool has_int8_dot_product() {
  const std::string flags = cpuinfo("flags");
  return has_flag(flags, "avx512_vnni") || has_flag(flags, "avx_vnni") || has_flag(cpuinfo("Features"), "asimddp");
}

std::uint64_t resident_bytes() { return status_bytes("VmRSS:"); }
std::uint64_t peak_resident_bytes() { return status_bytes("VmHWM:"); }
std::uint64_t private_bytes() { return status_bytes("VmData:"); }
std::uint64_t available_bytes() { return row_bytes("/proc/meminfo", "MemAvailable:"); }
void return_freed_memory() { ::malloc_trim(0); }

Result<std::string> program_path() {
  std::array<char, 4096> path{};
  const ssize_t length = ::readlink("/proc/self/exe", path.data(), path.size());
  if (length <= 0) return Error{Code::kIo, "cannot find the path of the running program"};
  return std::string(path.data(), static_cast<std::size_t>(length));
}

void catch_stop_signals() {
  struct sigaction action{};
  action.sa_handler = on_stop_signal;
  for (const int number : {SIGINT, SIGTERM}) ::sigaction(number, &action, nullptr);
}

void ignore_size_signal() { ::signal(SIGXFSZ, SIG_IGN); }

bool stop_requested() { return stop_signals.load() > 0; }

void wait_for_stop() {
  while (!stop_requested()) std::this_thread::sleep_for(std::chrono::milliseconds(50));
}

Status replace_process(const std::string& program, int argc, char** argv) {
  std::vector<char*> arguments(argv, argv + argc);
  arguments.push_back(nullptr);
  ::execv(program.c_str(), arguments.data());
  return Error{Code::kUnavailable, "cannot start '" + program + "': " + std::strerror(errno)};
}

bool is_terminal(int stream) { return ::isatty(stream) == 1; }

}  // namespace arete::os
