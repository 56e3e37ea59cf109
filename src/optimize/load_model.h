// A model file as a graph that is fit to work on: read, put into running order, verified.
// Threads: pure but for the files it reads.
#pragma once

#include <string>

#include "core/result.h"
#include "graph/onnx_io.h"
#include "os/base/files.h"

namespace arete::optimize {

// External data may lie in the model's own folder. Errors begin with the path.
Result<graph::ReadModel> load_model(const os::FileSystem& files, const std::string& path);

// Writes a graph as OUT, and weights past 2 GB as OUT's stem + ".onnx.data" beside it (data first:
// a reader that sees the new model sees its data).
Status save_model(const os::FileSystem& files, const graph::Model& model, const std::string& path);

}  // namespace arete::optimize
