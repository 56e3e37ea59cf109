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

Status save_model(const os::FileSystem& files, const graph::Model& model, const std::string& path) {
  graph::WriteOptions options;
  const bool external = graph::weight_bytes(model) > graph::kMaxInlineBytes;
  if (external) options.external_location = os::stem_of(path) + ".onnx.data";
  ASSIGN_OR_RETURN(const graph::WrittenModel written, graph::write_onnx(model, options));
  if (external) {
    std::vector<std::span<const std::byte>> parts;
    for (const SharedBytes& part : written.external_parts) parts.push_back(part.view);
    RETURN_IF_ERROR(files.write_parts(os::join_path(os::folder_of(path), options.external_location), parts));
  }
  return write_text(files, path, written.bytes);
}

}  // namespace arete::optimize
