#include "tune/dataset.h"

#include "tune/dataset_parts.h"

namespace arete::tune {

Result<std::unique_ptr<Dataset>> open_dataset(const os::FileSystem& files, const std::string& path,
                                              const DatasetOptions& options) {
  ASSIGN_OR_RETURN(const os::FileInfo info, files.info(path));
  if (info.kind == os::FileKind::kFolder) return open_image_folder(files, path, options);
  if (info.kind != os::FileKind::kFile) {
    return Error{Code::kInvalid, "'" + path + "' is no regular file (a FIFO, device or socket)"};
  }
  const std::string extension = os::extension_of(path);
  if (extension == ".npz") return open_npz(files, path, options);
  if (extension == ".csv" || extension == ".tsv") return open_csv(files, path, options);
  return Error{Code::kUnsupported,
               "'" + path + "' is no data set: give a folder of class folders of images, an .npz or a .csv"};
}

}  // namespace arete::tune
