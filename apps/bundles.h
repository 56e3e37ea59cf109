// BUNDLE arguments of the command line.
// Threads: one.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "apps/bundle_choice.h"
#include "apps/cli.h"
#include "bundle/bundle.h"
#include "core/result.h"

namespace arete::apps {

// How `open` of bundle/bundle.h and bundle/delta.h reads a file.
struct OpenFile {
  ReadAt read;
  std::uint64_t size_bytes = 0;
};
Result<OpenFile> open_for_reading(const std::string& path);

// What a bundle tells of its work, on the line; both are borrowed as long as it works.
bundle::Progress told_on(ProgressLine& line, const char* what);

// Whole or not at all; -> the file's bytes. `what` is for the progress line.
Result<std::uint64_t> write_file(
    const std::string& path, const std::string& what,
    const std::function<Status(const bundle::Sink& sink, const bundle::Progress& told)>& write);

}  // namespace arete::apps
