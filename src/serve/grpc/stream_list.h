// StreamList: the streams that are open, so that a door that closes need not wait for clients who say nothing.
//
// Private to this room. Threads: any. Ownership: borrows streams, which take themselves off before they are gone.
#pragma once

#include <mutex>
#include <set>

namespace arete::serve {

class InferReactor;

class StreamList {
 public:
  void add(InferReactor* stream);
  void remove(InferReactor* stream);
  // Tells each that is there, and each that is added from now on, to end.
  void end();

 private:
  // A stream that is told to end may take itself off at once, on the same thread.
  std::recursive_mutex mutex_;
  std::set<InferReactor*> streams_;
  bool ending_ = false;
};

}  // namespace arete::serve
