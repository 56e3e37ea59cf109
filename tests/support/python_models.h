// Models that a Python script of the test venv makes, once for each version of the script.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "tests/support/assert.h"

namespace arete::test {

// The folder that `script` (a path below the sources) filled, or "" without the test venv. Tests of
// one program run at the same time: each makes its own folder and the first to finish wins.
inline std::string python_models(const std::string& script) {
  namespace fs = std::filesystem;
  const std::string python = source_path("build/venv/bin/python");
  const fs::path source = source_path(script);
  if (!fs::exists(python)) return "";
  const auto version = fs::last_write_time(source).time_since_epoch().count();
  std::string name = script;  // whole: two folders may hold a make_models.py of the same age
  std::ranges::replace(name, '/', '_');
  const fs::path folder = fs::path(ARETE_BINARY_DIR) / "test_models" / (name + std::to_string(version));
  if (fs::exists(folder)) return folder.string();
  fs::create_directories(folder.parent_path());
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
