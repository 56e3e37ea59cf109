// A model file as a graph that is fit to work on: read, put into running order, verified.
// Threads: pure but for the files it reads.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/result.h"
#include "graph/onnx_io.h"
#include "os/base/files.h"

namespace arete::optimize {

// External data may lie in the model's own folder. Errors begin with the path.
Result<graph::ReadModel> load_model(const os::FileSystem& files, const std::string& path);

// "dir/model.onnx" -> "dir/model.onnx.data": where weights past 2 GB go.
std::string data_path_of(const std::string& path);

// A file can come to lie there: the folder is there, and what has the name already is a file. `what` is for the words,
// "the output".
Status check_place(const os::FileSystem& files, const std::string& path, const std::string& what);

// Stages a graph as the file `path`, and weights past 2 GB beside it. In the order to commit in: a reader that sees the
// new model sees its data.
Status stage_files(const os::FileSystem& files, const graph::Model& model, const std::string& path,
                   std::vector<std::unique_ptr<os::StagedFile>>& staged);

}  // namespace arete::optimize
