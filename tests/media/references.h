// Pillow's answers, made once per build folder by make_references.py with the test venv's Python.
#pragma once

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "core/npy.h"
#include "media/image/image.h"
#include "tests/support/assert.h"

namespace arete::test {

inline std::string slurp(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

inline std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

// The folder of references, or "" without a test venv (then skip with "SKIP: no test venv").
// Tests run side by side, each in its own process: the first makes the folder, the others wait.
inline std::string references_folder() {
  const std::string python = source_path("build/venv/bin/python");
  const std::string script = source_path("tests/media/make_references.py");
  const std::string folder = std::string(ARETE_BINARY_DIR) + "/media_references";
  if (!std::filesystem::exists(python)) return "";
  std::filesystem::create_directories(folder);
  const int lock = ::open((folder + "/lock").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0666);
  ::flock(lock, LOCK_EX);
  const std::string text = slurp(script);
  bool made = slurp(folder + "/made_by.py") == text;
  if (!made) {
    const std::string command = "'" + python + "' -W ignore '" + script + "' '" + folder + "'";
    made = std::system(command.c_str()) == 0;
    if (made) std::ofstream(folder + "/made_by.py", std::ios::binary) << text;
  }
  ::close(lock);
  EXPECT_TRUE(made) << "make_references.py failed";
  return made ? folder : "";
}

inline std::vector<std::string> lines_of(const std::string& path) {
  std::vector<std::string> lines;
  std::istringstream text(slurp(path));
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

inline Tensor load_npy(const std::string& path) {
  const std::string bytes = slurp(path);
  Result<Tensor> tensor = parse_npy(bytes_of(bytes));
  EXPECT_TRUE(tensor.has_value()) << path << ": " << (tensor ? "" : to_string(tensor.error()));
  return tensor ? std::move(*tensor) : Tensor();
}

// uint8 [h,w] or [h,w,3] -> Image.
inline media::Image load_image(const std::string& path) {
  const Tensor tensor = load_npy(path);
  const std::span<const std::uint8_t> pixels = tensor.data<std::uint8_t>();
  return {static_cast<int>(tensor.shape()[1]), static_cast<int>(tensor.shape()[0]), tensor.shape().size() == 3 ? 3 : 1,
          std::vector<std::uint8_t>(pixels.begin(), pixels.end())};
}

// How far two images are apart.
struct Difference {
  bool same_sizes = false;
  int largest = 0;
  std::size_t count = 0;  // of unequal bytes
};

inline Difference difference_of(const media::Image& a, const media::Image& b) {
  Difference difference;
  difference.same_sizes =
      a.width == b.width && a.height == b.height && a.channels == b.channels && a.pixels.size() == b.pixels.size();
  if (!difference.same_sizes) return difference;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) {
    const int apart = std::abs(a.pixels[i] - b.pixels[i]);
    difference.largest = std::max(difference.largest, apart);
    difference.count += apart != 0 ? 1U : 0U;
  }
  return difference;
}

}  // namespace arete::test
