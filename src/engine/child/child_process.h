// ChildProcess: one child seen from its parent: started, asked, stopped.
//
// Not for: sessions, restarts (child.cpp). Threads: ask() from one thread a lane; everything else from any.
// Ownership: the process ends with this object. Limits: those of ChildOptions.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "core/result.h"
#include "engine/child/child.h"
#include "engine/child/lanes.h"
#include "engine/child/packet.h"
#include "os/base/process.h"

namespace arete::engine {

// The children of one engine, for its counts. Thread-safe.
class ChildRoster {
 public:
  void started(std::int64_t process);
  void ended(std::int64_t process);
  void crashed() { ++crashed_; }
  void timed_out() { ++timed_out_; }
  void restarted() { ++restarted_; }
  ChildCounts counts() const;
  std::vector<std::int64_t> processes() const;

 private:
  mutable std::mutex mutex_;
  std::set<std::int64_t> running_;
  std::atomic<std::uint64_t> started_{0};
  std::atomic<std::uint64_t> crashed_{0};
  std::atomic<std::uint64_t> timed_out_{0};
  std::atomic<std::uint64_t> restarted_{0};
};

class ChildProcess {
 public:
  // Starts it and waits until its engine is ready. The roster outlives it.
  static Result<std::unique_ptr<ChildProcess>> start(os::ProcessStarter& starter, const ChildOptions& options,
                                                     ChildRoster& roster);
  ~ChildProcess();

  // Name and version of the engine in it.
  const std::string& name() const { return name_; }
  const std::string& version() const { return version_; }
  std::size_t lanes() const { return lanes_.size(); }
  // False once it ended or was stopped; it never comes back.
  bool is_alive() const { return alive_; }

  // Puts the packet to the child and waits for its answer, which lies in the lane's block until the next call.
  // The child's own errors as they are; kBug when it died or answered what makes no sense, kTimeout when it did not
  // answer within `timeout_ms` (0: waits), kUnavailable when it was stopped meanwhile: then it is not alive any more.
  Result<PacketReader> ask(std::size_t lane, FrameKind kind, const Packet& packet, std::uint64_t max_bytes,
                           int timeout_ms);
  // Gives the memory of a request and an answer back, but for the first `keep_bytes` of each.
  void release(std::size_t lane, std::uint64_t keep_bytes);
  // Ends it; kBug with what it did.
  Error refuse(const Error& nonsense);

 private:
  ChildProcess(std::vector<Lane> lanes, std::unique_ptr<os::Process> process, ChildRoster& roster);

  Result<PacketReader> receive(std::size_t lane, std::uint64_t max_bytes, int timeout_ms);
  Error gone();
  void stop();

  std::vector<Lane> lanes_;
  std::unique_ptr<os::Process> process_;
  ChildRoster& roster_;
  std::string name_;
  std::string version_;
  std::mutex ending_;
  std::atomic<bool> alive_ = true;
  std::atomic<bool> stopped_ = false;  // by us
};

}  // namespace arete::engine
