// Process: child processes, started, watched and ended; and what a child does to itself so that it does no harm.
//
// Not for: shells, pipes, programs of others that want an environment. Behind an interface, so that tests can put a
// thread where a process would be.
// Threads: a ProcessStarter may be used from many; a Process belongs to one thread at a time, but for kill().
// Ownership: the Process is killed and taken from the system's table with its object: no zombies.
// Limits: kMaxHandedOver descriptors.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"

namespace arete::os {

inline constexpr std::size_t kMaxHandedOver = 64;
// Where the descriptors that are handed over begin in the child.
inline constexpr int kFirstHandedOver = 3;

struct ProcessOptions {
  std::string program;                        // a path
  std::vector<std::string> arguments = {};    // without the program's own name
  std::vector<std::string> environment = {};  // NAME=VALUE; the child gets these and no others
  std::vector<int> handed_over = {};  // borrowed; in the child they are kFirstHandedOver and the numbers behind it
};

struct ProcessEnd {
  int status = 0;
  int signal = 0;  // 0: it ended by itself
};
// "died of SIGSEGV", "ended with status 3"
std::string describe(const ProcessEnd& end);

class Process {
 public:
  virtual ~Process() = default;
  virtual std::int64_t id() const = 0;
  // How it ended, waiting at most `timeout_ms`; nothing while it runs.
  virtual std::optional<ProcessEnd> wait(int timeout_ms) = 0;
  // At once, whatever it does.
  virtual void kill() = 0;
};

class ProcessStarter {
 public:
  virtual ~ProcessStarter() = default;
  // In a process group of its own (Ctrl-C of the terminal does not reach it), standard input and output closed off,
  // standard error shared, all other descriptors closed. kUnavailable when the program cannot be started.
  virtual Result<std::unique_ptr<Process>> start(const ProcessOptions& options) = 0;
};

// The system's. It has a thread of its own that starts them, because the system ends a child that called
// end_with_parent() when the thread that started it ends. It must outlive what it started.
std::unique_ptr<ProcessStarter> make_process_starter();

// --- for the child, at its start ---

// From now on this process is killed when its parent's starter ends or `descriptor` (a socket to the parent) is closed
// there, also in the middle of work. Starts a thread that lasts as long as the process.
void end_with_parent(int descriptor);
// No new rights by starting programs, no core files, and no file (shared memory too) beyond `max_file_bytes`.
Status confine(std::uint64_t max_file_bytes);

// VmRSS of another process; 0 when it is gone.
std::uint64_t resident_bytes_of(std::int64_t process);

}  // namespace arete::os
