// The promise of max_read_bytes(): whatever the bytes, reading takes no more memory than follows from their number.
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "graph/onnx_io.h"
#include "os/base/machine.h"
#include "tests/graph/wire.h"
#include "tests/support/assert.h"
#include "tests/support/sanitizers.h"

namespace arete::graph {
namespace {

using test::bytes;
using test::number;

constexpr int kMillion = 1'000'000;

std::string repeated(const std::string& part, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += part;
  return all;
}

std::string numbered(int times, const std::function<std::string(const std::string&)>& part) {
  std::string all;
  for (int i = 0; i < times; ++i) all += part(std::to_string(i));
  return all;
}

// A tensor type with these bytes as its shape's.
std::string typed(const std::string& dims) { return bytes(1, "v") + bytes(2, bytes(1, number(1, 1) + bytes(2, dims))); }

// Many of what is small in the file and large in memory.
std::vector<std::pair<std::string, std::string>> hostile_graphs() {
  const auto in_node = [](const std::string& parts) { return bytes(1, parts + bytes(4, "Sum")); };
  return {
      {"empty nodes", repeated(bytes(1, ""), kMillion)},
      {"empty weights", repeated(bytes(5, ""), kMillion)},
      {"named weights", numbered(kMillion, [](const std::string& i) { return bytes(5, number(2, 1) + bytes(8, i)); })},
      {"empty sparse weights", repeated(bytes(15, ""), kMillion)},
      {"empty values", repeated(bytes(13, ""), kMillion)},
      {"values with types", repeated(bytes(13, bytes(2, bytes(1, number(1, 1) + bytes(2, bytes(1, ""))))), kMillion)},
      {"empty axes", bytes(13, typed(repeated(bytes(1, ""), 4 * kMillion)))},
      {"named axes", bytes(13, typed(repeated(bytes(1, bytes(2, "N")), 4 * kMillion)))},
      {"empty attributes", in_node(repeated(bytes(5, ""), kMillion))},
      {"integers of an attribute",
       in_node(bytes(5, bytes(1, "a") + number(20, 7) + repeated(number(8, 1), 8 * kMillion)))},
      {"strings of an attribute",
       in_node(bytes(5, bytes(1, "a") + number(20, 8) + repeated(bytes(9, ""), 8 * kMillion)))},
      {"tensors of an attribute", in_node(bytes(5, bytes(1, "a") + number(20, 9) + repeated(bytes(10, ""), kMillion)))},
      {"graphs of an attribute", in_node(bytes(5, bytes(1, "a") + number(20, 10) + repeated(bytes(11, ""), kMillion)))},
      {"empty inputs", in_node(repeated(bytes(1, ""), 8 * kMillion))},
      {"bytes of a tensor as integers",
       bytes(5, number(1, 8 * kMillion) + number(2, 2) + bytes(5, std::string(8 * kMillion, '\1')))},
      {"strings of a tensor", bytes(5, number(1, 8 * kMillion) + number(2, 8) + repeated(bytes(6, ""), 8 * kMillion))},
      {"external data of a tensor", bytes(5, number(2, 1) + number(14, 1) + repeated(bytes(13, ""), 8 * kMillion))},
      {"dims of a tensor", bytes(5, number(2, 1) + repeated(number(1, 1), 8 * kMillion))},
      {"quantisation annotations", repeated(bytes(14, ""), 4 * kMillion)},
      {"unknown fields", repeated(bytes(99, ""), 8 * kMillion)},
      {"documentation", bytes(10, std::string(64 * kMillion, 'd'))},
  };
}

std::vector<std::pair<std::string, std::string>> hostile_models() {
  std::vector<std::pair<std::string, std::string>> models;
  for (const auto& [name, graph] : hostile_graphs()) models.emplace_back(name, test::model(graph));
  const std::string one = test::model(bytes(1, bytes(4, "Relu")));
  models.emplace_back("operator sets", one + repeated(bytes(8, ""), 8 * kMillion));
  models.emplace_back("metadata",
                      one + numbered(kMillion, [](const std::string& i) { return bytes(14, bytes(1, i)); }));
  models.emplace_back("empty functions", one + repeated(bytes(25, ""), kMillion));
  models.emplace_back("functions",
                      one + numbered(kMillion, [](const std::string& i) { return bytes(25, bytes(1, i)); }));
  models.emplace_back("training", one + repeated(bytes(20, ""), kMillion));
  return models;
}

// The peak counts from now on (Linux: proc_pid_clear_refs(5)).
bool restart_peak() {
  std::ofstream file("/proc/self/clear_refs");
  file << "5" << std::flush;
  return file.good();
}

TEST(Memory, ReadingTakesWhatTheFilesSizeAllows) {
  if (!test::kThrowsBadAlloc) return;  // sanitizers need memory of their own
  for (const auto& [name, model] : hostile_models()) {
    os::return_freed_memory();
    ASSERT_TRUE(restart_peak());
    const std::uint64_t before = os::resident_bytes();
    const Result<ReadModel> read = read_onnx(std::as_bytes(std::span(model)));
    const std::uint64_t taken = os::peak_resident_bytes() - before;
    EXPECT_LE(taken, max_read_bytes(model.size())) << name;
    EXPECT_TRUE(read || read.error().code != Code::kBug) << name;
    std::cout << name << ": " << model.size() << " bytes, " << taken / 1'000'000 << " MB, "
              << static_cast<double>(taken) / static_cast<double>(model.size()) << " times; "
              << (read ? "read" : read.error().message.substr(0, 60)) << "\n";
  }
}

}  // namespace
}  // namespace arete::graph
