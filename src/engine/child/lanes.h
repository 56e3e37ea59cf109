// Lane: what one run goes through between parent and child: a socket for frames, a block for what is asked and one for
// what is answered. A child has as many as runs may go on at once; lane 0 also carries the open.
//
// Threads: one at a time a lane. Ownership: each process owns its end. Limits: kMaxLanes.
#pragma once

#include <utility>
#include <vector>

#include "core/result.h"
#include "engine/child/packet.h"
#include "os/base/message_socket.h"
#include "os/base/shared_block.h"

namespace arete::engine {

struct Lane {
  os::MessageSocket socket;
  os::SharedBlock request;  // the parent writes
  os::SharedBlock answer;   // the child writes
};
inline constexpr int kDescriptorsPerLane = 3;

// Of a block, what stays with it between runs; what a larger one took goes back to the system.
inline constexpr std::uint64_t kKeptBytes = std::uint64_t{16} << 20;

}  // namespace arete::engine
