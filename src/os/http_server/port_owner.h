// Who listens on a TCP port of this machine, so that "port in use" can name the culprit.
// Best effort: reads /proc, sees only processes that this user may look at. Threads: any.
#pragma once

#include <cstdint>
#include <string>

namespace arete::os {

// "python3 (process 1234)", or "another program" when it cannot be found out.
std::string describe_port_owner(std::uint16_t port);

}  // namespace arete::os
