#include "optimize/load_model.h"

#include "graph/verifier.h"

namespace arete::optimize {

Result<graph::ReadModel> load_model(const os::FileSystem& files, const std::string& path) {
  ASSIGN_OR_RETURN(const SharedBytes bytes, files.map(path));
  graph::ReadOptions options;
  options.load_external = [&](const std::string& location) {
    return files.map(os::join_path(os::folder_of(path), location));
  };
  Result<graph::ReadModel> read = graph::read_onnx(bytes.view, options);
  if (!read) return with_context(std::move(read).error(), path);
  Status good = graph::sort_nodes(read->model.graph);
  if (good) good = graph::verify(read->model);
  if (!good) return with_context(std::move(good).error(), path);
  return read;
}

Status check_place(const os::FileSystem& files, const std::string& path, const std::string& what) {
  const std::string folder = os::folder_of(path);
  const Result<os::FileInfo> info = files.info(folder);
  if (!info || info->kind != os::FileKind::kFolder)
    return Error{Code::kNotFound, "the folder '" + folder + "' of " + what + " is not there; make it first"};
  const Result<os::FileInfo> there = files.info(path);
  if (there && there->kind != os::FileKind::kFile)
    return Error{Code::kInvalid, what + " '" + path + "' is a folder or a special file"};
  return {};
}

std::string data_path_of(const std::string& path) {
  return os::join_path(os::folder_of(path), os::stem_of(path) + ".onnx.data");
}

Status stage_files(const os::FileSystem& files, const graph::Model& model, const std::string& path,
                   std::vector<std::unique_ptr<os::StagedFile>>& staged) {
  graph::WriteOptions options;
  const bool external = graph::weight_bytes(model) > graph::kMaxInlineBytes;
  if (external) options.external_location = os::stem_of(path) + ".onnx.data";
  ASSIGN_OR_RETURN(const graph::WrittenModel written, graph::write_onnx(model, options));
  if (external) {
    std::vector<std::span<const std::byte>> parts;
    for (const SharedBytes& part : written.external_parts) parts.push_back(part.view);
    ASSIGN_OR_RETURN(std::unique_ptr<os::StagedFile> data, files.stage(data_path_of(path), parts));
    staged.push_back(std::move(data));
  }
  const std::span<const std::byte> bytes = std::as_bytes(std::span(written.bytes));
  ASSIGN_OR_RETURN(std::unique_ptr<os::StagedFile> file, files.stage(path, {&bytes, 1}));
  staged.push_back(std::move(file));
  return {};
}

}  // namespace arete::optimize
