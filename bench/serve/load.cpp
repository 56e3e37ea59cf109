// A load program for HTTP servers on this machine: keep-alive connections, one thread, prints one JSON line.
//
//   bench_load --port N [--path /p] [--method POST] [--body FILE]... [--header "A: b"]... [--connections N]
//              [--seconds S] [--warmup S] [--rate R [--poisson]] [--spin] [--hold]
//
// Closed loop: each connection sends its next request when the answer is there. Open loop (--rate): requests fall due
// at their times, whether the server keeps up or not, and latency counts from then on; one that falls due while all
// connections are busy waits for the first that is free. Bodies are sent in turn. Errors are answers other than 200,
// and connections that end (they are made anew).
// With --hold it ends when its input does, so that whoever started it can still ask the system what it took.
// With --spin it never sleeps, for a core of its own: otherwise a server pays for waking it, and the more the slower it
// is.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Ticks = std::chrono::steady_clock;

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Ticks::now().time_since_epoch()).count();
}

struct Arguments {
  int port = 0;
  std::string path = "/";
  std::string method = "POST";
  std::vector<std::string> bodies;
  std::string headers;
  int connections = 16;
  double seconds = 5;
  double warmup = 1;
  double rate = 0;  // 0: closed loop
  bool poisson = false;
  bool spin = false;
  bool hold = false;
};

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    std::cerr << "bench_load: cannot read " << path << "\n";
    std::exit(2);
  }
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

Arguments parse(int argc, char** argv) {
  Arguments arguments;
  const std::map<std::string, std::function<void(const std::string&)>> options = {
      {"--port", [&](const std::string& v) { arguments.port = std::stoi(v); }},
      {"--path", [&](const std::string& v) { arguments.path = v; }},
      {"--method", [&](const std::string& v) { arguments.method = v; }},
      {"--body", [&](const std::string& v) { arguments.bodies.push_back(read_file(v)); }},
      {"--header", [&](const std::string& v) { arguments.headers += v + "\r\n"; }},
      {"--connections", [&](const std::string& v) { arguments.connections = std::stoi(v); }},
      {"--seconds", [&](const std::string& v) { arguments.seconds = std::stod(v); }},
      {"--warmup", [&](const std::string& v) { arguments.warmup = std::stod(v); }},
      {"--rate", [&](const std::string& v) { arguments.rate = std::stod(v); }},
  };
  for (int i = 1; i < argc; ++i) {
    const auto option = options.find(argv[i]);
    if (std::string_view(argv[i]) == "--poisson") {
      arguments.poisson = true;
    } else if (std::string_view(argv[i]) == "--spin") {
      arguments.spin = true;
    } else if (std::string_view(argv[i]) == "--hold") {
      arguments.hold = true;
    } else if (option != options.end() && i + 1 < argc) {
      option->second(argv[++i]);
    } else {
      std::cerr << "bench_load: what is " << argv[i] << "?\n";
      std::exit(2);
    }
  }
  if (arguments.bodies.empty()) arguments.bodies.emplace_back();
  return arguments;
}

// Counts by size, each bucket 1/64 wider than the one before: percentiles within 1.6 %.
class Histogram {
 public:
  void add(std::int64_t ns) {
    ++buckets_[bucket_of(ns)];
    ++count_;
    sum_ns_ += static_cast<double>(ns);
    max_ns_ = std::max(max_ns_, ns);
  }
  double percentile_us(double share) const {
    const auto wanted = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_)));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
      seen += buckets_[i];
      if (seen >= wanted && seen > 0)
        return std::min(kFirstNs * std::pow(kStep, static_cast<double>(i)), double(max_ns_)) / 1e3;
    }
    return 0;
  }
  double mean_us() const { return count_ == 0 ? 0 : sum_ns_ / static_cast<double>(count_) / 1e3; }
  double max_us() const { return static_cast<double>(max_ns_) / 1e3; }
  std::uint64_t count() const { return count_; }

 private:
  static constexpr double kFirstNs = 1000;
  static constexpr double kStep = 1.0 + 1.0 / 64;
  std::size_t bucket_of(std::int64_t ns) const {
    const double at = std::log(std::max(1.0, static_cast<double>(ns) / kFirstNs)) / std::log(kStep);
    return std::min(buckets_.size() - 1, static_cast<std::size_t>(at + 1));
  }

  std::vector<std::uint64_t> buckets_ = std::vector<std::uint64_t>(1200);
  std::uint64_t count_ = 0;
  double sum_ns_ = 0;
  std::int64_t max_ns_ = 0;
};

struct Connection {
  int socket = -1;
  bool busy = false;
  bool wants_room = false;  // the system did not take the whole request
  std::int64_t due_ns = 0;
  std::string_view unsent;
  std::string received;
  std::size_t wanted = 0;  // of the whole answer; 0: its head is not there yet
};

class Load {
 public:
  explicit Load(const Arguments& arguments)
      : arguments_(arguments), connections_(static_cast<std::size_t>(arguments.connections)) {
    for (const std::string& body : arguments.bodies) {
      requests_.push_back(arguments.method + " " + arguments.path + " HTTP/1.1\r\nHost: localhost\r\n" +
                          arguments.headers + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    }
    for (Connection& connection : connections_) open(connection);
  }

  void run() {
    begin_ns_ = now_ns();
    measure_ns_ = begin_ns_ + static_cast<std::int64_t>(arguments_.warmup * 1e9);
    end_ns_ = measure_ns_ + static_cast<std::int64_t>(arguments_.seconds * 1e9);
    next_due_ns_ = begin_ns_;
    if (arguments_.rate <= 0) {
      for (Connection& connection : connections_) send_next(connection, now_ns());
    }
    while (now_ns() < end_ns_) step();
    print();
  }

 private:
  void open(Connection& connection) {
    if (connection.socket >= 0) ::close(connection.socket);
    connection = {};
    connection.socket = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(arguments_.port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(connection.socket, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
      std::perror("bench_load: connect");
      std::exit(4);
    }
    const int on = 1;
    ::setsockopt(connection.socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    ::fcntl(connection.socket, F_SETFL, O_NONBLOCK);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = &connection;
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.socket, &event);
    idle_.push_back(&connection);
  }

  void send_next(Connection& connection, std::int64_t due_ns) {
    std::erase(idle_, &connection);
    connection.busy = true;
    connection.due_ns = due_ns;
    connection.unsent = requests_[next_request_++ % requests_.size()];
    connection.received.clear();
    connection.wanted = 0;
    push(connection);
  }

  void push(Connection& connection) {
    const ssize_t sent = ::send(connection.socket, connection.unsent.data(), connection.unsent.size(), MSG_NOSIGNAL);
    if (sent > 0) connection.unsent.remove_prefix(static_cast<std::size_t>(sent));
    if (connection.unsent.empty() == !connection.wants_room) return;
    connection.wants_room = !connection.wants_room;
    epoll_event event{};
    event.events = connection.wants_room ? EPOLLIN | EPOLLOUT : EPOLLIN;
    event.data.ptr = &connection;
    ::epoll_ctl(epoll_, EPOLL_CTL_MOD, connection.socket, &event);
  }

  void step() {
    std::array<epoll_event, 256> events{};
    const timespec timeout = {0, wait_ns()};
    const int count = ::epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()), &timeout, nullptr);
    for (int i = 0; i < count; ++i) {
      auto& connection = *static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr);
      if ((events[static_cast<std::size_t>(i)].events & EPOLLOUT) != 0) push(connection);
      if ((events[static_cast<std::size_t>(i)].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) receive(connection);
    }
    if (arguments_.rate > 0) send_due();
  }

  std::int64_t wait_ns() const {
    static constexpr std::int64_t kLongest = 10000000;
    if (arguments_.spin) return 0;
    if (arguments_.rate <= 0 || idle_.empty()) return kLongest;
    return std::clamp<std::int64_t>(next_due_ns_ - now_ns(), 0, kLongest);
  }

  void send_due() {
    while (!idle_.empty() && next_due_ns_ <= now_ns() && next_due_ns_ < end_ns_) {
      send_next(*idle_.front(), next_due_ns_);
      const double mean_ns = 1e9 / arguments_.rate;
      next_due_ns_ += static_cast<std::int64_t>(arguments_.poisson ? mean_ns * gaps_(random_) : mean_ns);
    }
  }

  void receive(Connection& connection) {
    std::array<char, 65536> bytes;
    const ssize_t got = ::recv(connection.socket, bytes.data(), bytes.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) return lose(connection);
    connection.received.append(bytes.data(), static_cast<std::size_t>(got));
    if (connection.wanted == 0) connection.wanted = whole_bytes(connection.received);
    if (connection.wanted > 0 && connection.received.size() >= connection.wanted) finish(connection);
  }

  // Behind the beginning of a line of the head, in any case.
  static std::size_t find_field(const std::string& answer, std::size_t end, std::string_view field) {
    for (std::size_t at = answer.find("\r\n"); at < end; at = answer.find("\r\n", at + 2)) {
      if (::strncasecmp(answer.c_str() + at + 2, field.data(), field.size()) == 0) return at + 2 + field.size();
    }
    return std::string::npos;
  }

  static std::size_t whole_bytes(const std::string& answer) {
    const std::size_t end = answer.find("\r\n\r\n");
    if (end == std::string::npos) return 0;
    const std::size_t length = find_field(answer, end, "content-length: ");
    return end + 4 + (length == std::string::npos ? 0 : std::strtoul(answer.c_str() + length, nullptr, 10));
  }

  void finish(Connection& connection) {
    const std::int64_t now = now_ns();
    const bool good = connection.received.compare(9, 3, "200") == 0;
    if (now >= measure_ns_) {
      good ? latencies_.add(now - connection.due_ns) : void(++errors_);
      ++statuses_[connection.received.substr(9, 3)];
      bytes_ += connection.received.size();
    }
    connection.busy = false;
    idle_.push_back(&connection);
    const std::size_t end = connection.received.find("\r\n\r\n") + 2;
    if (find_field(connection.received, end, "connection: close\r\n") != std::string::npos) {
      std::erase(idle_, &connection);
      open(connection);
    }
    if (arguments_.rate <= 0) send_next(connection, now_ns());
  }

  void lose(Connection& connection) {
    if (connection.busy && now_ns() >= measure_ns_) ++errors_;
    std::erase(idle_, &connection);
    open(connection);
    if (arguments_.rate <= 0) send_next(connection, now_ns());
  }

  void print() const {
    const double rate = static_cast<double>(latencies_.count()) / arguments_.seconds;
    // Requests that fell due and were not sent by the end: the server was far behind.
    const double behind =
        arguments_.rate > 0 ? std::max(0.0, static_cast<double>(end_ns_ - next_due_ns_) / 1e9 * arguments_.rate) : 0;
    std::printf(
        "{\"mode\":\"%s\",\"connections\":%d,\"seconds\":%g,\"offered_rate\":%g,\"requests\":%llu,\"errors\":%llu,"
        "\"unsent\":%.0f,\"rate\":%.1f,\"mean_us\":%.1f,\"p50_us\":%.1f,\"p90_us\":%.1f,\"p99_us\":%.1f,\"p999_us\":%."
        "1f,"
        "\"max_us\":%.1f,\"bytes\":%llu,\"statuses\":{",
        arguments_.rate > 0 ? "open" : "closed", arguments_.connections, arguments_.seconds, arguments_.rate,
        static_cast<unsigned long long>(latencies_.count()), static_cast<unsigned long long>(errors_), behind, rate,
        latencies_.mean_us(), latencies_.percentile_us(0.5), latencies_.percentile_us(0.9),
        latencies_.percentile_us(0.99), latencies_.percentile_us(0.999), latencies_.max_us(),
        static_cast<unsigned long long>(bytes_));
    const char* between = "";
    for (const auto& [status, count] : statuses_) {
      std::printf("%s\"%s\":%llu", between, status.c_str(), static_cast<unsigned long long>(count));
      between = ",";
    }
    std::printf("}}\n");
  }

  const Arguments& arguments_;
  const int epoll_ = ::epoll_create1(0);
  std::vector<std::string> requests_;
  std::vector<Connection> connections_;
  std::deque<Connection*> idle_;
  std::size_t next_request_ = 0;
  std::int64_t begin_ns_ = 0, measure_ns_ = 0, end_ns_ = 0, next_due_ns_ = 0;
  std::mt19937_64 random_{1};
  std::exponential_distribution<double> gaps_{1.0};
  Histogram latencies_;
  std::map<std::string, std::uint64_t> statuses_;
  std::uint64_t errors_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments = parse(argc, argv);
  Load(arguments).run();
  std::fflush(stdout);
  while (arguments.hold && std::cin.get() != EOF) {
  }
}
