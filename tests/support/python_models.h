// Models that a Python script of the test venv makes, once for each version of the script.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/paths.h"

namespace arete::test {

// Held by one process at a time; the system lets it go with the process at the latest.
class FileLock {
 public:
  explicit FileLock(const std::string& path) : file_(::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644)) {
    ::flock(file_, LOCK_EX);
  }
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  ~FileLock() { ::close(file_); }

 private:
  int file_;
};

// The folder that `script` (a path below the sources) filled, or "" without the test venv. Made anew when it or one of
// `parts` (other files that it depends on) is newer. Tests of one program run at the same time: the first makes it.
inline std::string python_models(const std::string& script, const std::vector<std::string>& parts = {}) {
  namespace fs = std::filesystem;
  const std::string python = source_path("build/venv/bin/python");
  const fs::path source = source_path(script);
  if (!fs::exists(python)) return "";
  auto version = fs::last_write_time(source).time_since_epoch().count();
  for (const std::string& part : parts)
    version = std::max(version, fs::last_write_time(part).time_since_epoch().count());
  std::string name = script;  // whole: two folders may hold a make_models.py of the same age
  std::ranges::replace(name, '/', '_');
  const fs::path folder = fs::path(ARETE_BINARY_DIR) / "test_models" / (name + std::to_string(version));
  if (fs::exists(folder)) return folder.string();
  fs::create_directories(folder.parent_path());
  const FileLock lock((folder.parent_path() / name).string() + ".lock");
  if (fs::exists(folder)) return folder.string();
  const std::string own = folder.string() + "." + std::to_string(::getpid());
  const std::string command = "'" + python + "' '" + source.string() + "' '" + own + "'";
  if (std::system(command.c_str()) != 0) {
    ADD_FAILURE() << command;
    return "";
  }
  std::error_code lost;
  fs::rename(own, folder, lost);
  if (lost) fs::remove_all(own);
  return folder.string();
}

}  // namespace arete::test

// Skips the test where there is no test venv.
#define SKIP_WITHOUT_MODELS(folder) \
  if ((folder).empty()) GTEST_SKIP() << "SKIP: no test venv"
