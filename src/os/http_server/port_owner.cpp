#include "os/http_server/port_owner.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <system_error>

namespace arete::os {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kListening = "0A";  // include/net/tcp_states.h

// Adds "socket:[inode]" for each listener on the port that one of /proc/net/tcp{,6} lists.
void add_listeners(const std::string& table, std::uint16_t port, std::set<std::string>& sockets) {
  std::ifstream file(table);
  std::string line;
  std::getline(file, line);  // headings
  while (std::getline(file, line)) {
    std::istringstream row(line);
    std::string slot, local, remote, state, queues, timer, retries, user, timeout, inode;
    row >> slot >> local >> remote >> state >> queues >> timer >> retries >> user >> timeout >> inode;
    const std::size_t colon = local.rfind(':');
    if (!row || colon == std::string::npos || state != kListening) continue;
    if (std::stoul(local.substr(colon + 1), nullptr, 16) == port) sockets.insert("socket:[" + inode + "]");
  }
}

bool holds_one(const fs::path& process, const std::set<std::string>& sockets) {
  std::error_code failure;
  for (fs::directory_iterator fd(process / "fd", failure), end; !failure && fd != end; fd.increment(failure)) {
    std::error_code unreadable;
    if (sockets.contains(fs::read_symlink(fd->path(), unreadable).string())) return true;
  }
  return false;
}

}  // namespace

std::string describe_port_owner(std::uint16_t port) {
  std::set<std::string> sockets;
  for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) add_listeners(table, port, sockets);
  std::error_code failure;
  fs::directory_iterator process("/proc", failure);
  for (const fs::directory_iterator end; !failure && !sockets.empty() && process != end; process.increment(failure)) {
    const std::string id = process->path().filename().string();
    if (!std::ranges::all_of(id, [](char c) { return c >= '0' && c <= '9'; })) continue;
    if (!holds_one(process->path(), sockets)) continue;
    std::string name;
    std::ifstream file(process->path() / "comm");
    std::getline(file, name);
    return (name.empty() ? std::string("a program") : name) + " (process " + id + ")";
  }
  return "another program";
}

}  // namespace arete::os
