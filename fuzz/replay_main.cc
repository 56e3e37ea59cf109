// Runs a fuzz target once on every file of a corpus folder: the regression test of what fuzzing found.
//   replay_NAME FOLDER-OR-FILE...
// A crash ends the process after the file's name was printed.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

namespace fs = std::filesystem;

constexpr double kMaxSeconds = 20;  // for one input, as in tools/fuzz

std::vector<fs::path> files_of(const fs::path& path) {
  if (!fs::is_directory(path)) return {path};
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(path)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

bool run_one(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    std::cout << "cannot read " << path.string() << "\n";
    return false;
  }
  const std::vector<char> bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  std::cout << path.filename().string() << std::endl;  // flushed: the next line may crash
  const auto start = std::chrono::steady_clock::now();
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (seconds > kMaxSeconds) std::cout << "took " << seconds << " s\n";
  return seconds <= kMaxSeconds;
}

}  // namespace

int main(int argc, char** argv) {
  int count = 0;
  bool good = argc > 1;
  for (int i = 1; i < argc; ++i) {
    for (const fs::path& path : files_of(argv[i])) {
      good &= run_one(path);
      ++count;
    }
  }
  std::cout << count << " inputs\n";
  return good && count > 0 ? 0 : 1;
}
