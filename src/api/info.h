// What a model holds, as `arete info --json` prints it and as arete_info_read gives it.
// Threads: pure but for the files that are read.
#pragma once

#include <cstdint>

#include "arete/c_optimize.h"
#include "core/json.h"
#include "engine/engine.h"
#include "graph/onnx_io.h"
#include "graph/summary.h"

namespace arete::api {

// Bytes of the model's file and of what its weights take of files beside it.
Result<std::uint64_t> size_bytes(const os::FileSystem& files, const std::string& path, const graph::ReadModel& read);

Json info_json(const graph::ReadModel& read, const graph::Summary& summary, std::uint64_t bytes);

// arete_info_read, by the files handed in.
arete_status* read_info(const os::FileSystem& files, const char* path, arete_info** info) noexcept;

}  // namespace arete::api
