// BundleFiles: a bundle's files as if `arete bundle extract` had written them into a folder of the bundle's own path:
// "b.arete/int8/model.onnx", and beside each variant's model its card and golden answers. What reads a FileSystem reads
// a bundle by it, and errors name the bundle.
//
// Nothing touches a disk: a file is joined in memory when it is asked for (os/base/sealed_bytes.h), blob by blob,
// every one checked by its digest. Not for: writing, which is kUnsupported.
// Threads: one. Ownership: owns the bundle; bytes that map() gave may outlive it, what open() gave may not.
// Limits: those of a manifest, and the machine's memory.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bundle/bundle.h"
#include "core/result.h"
#include "os/base/files.h"

namespace arete::bundle {

class BundleFiles final : public os::FileSystem {
 public:
  // `path` is what the bundle is called: how the paths of its files begin.
  BundleFiles(Bundle bundle, std::string path);

  const Manifest& manifest() const { return bundle_.manifest(); }
  // Of the file that the engine opens.
  std::string model_path(const Variant& variant) const { return path_ + "/" + variant.model; }

  Result<os::FileInfo> info(const std::string& path) const override;
  Result<std::string> canonical(const std::string& path) const override;
  Result<std::vector<std::string>> list(const std::string& folder) const override;
  Result<std::unique_ptr<os::ReadableFile>> open(const std::string& path) const override;
  Result<SharedBytes> map(const std::string& path) const override;
  Result<std::unique_ptr<os::StagedFile>> stage_written(const std::string& path,
                                                        const os::WriteContent& write) const override;
  Status make_folders(const std::string& path) const override;
  Status remove(const std::string& path) const override;

 private:
  // One file: of the manifest, or a text that is made of it.
  struct Content {
    const BundleFile* file = nullptr;
    std::string text = {};
    std::uint64_t size_bytes() const { return file != nullptr ? file->bytes : text.size(); }
  };

  void put_beside(const Variant& variant);
  Result<const Content*> find(const std::string& path) const;
  bool is_folder(const std::string& path) const;

  mutable Bundle bundle_;  // reading changes what it holds unpacked
  const std::string path_;
  std::map<std::string, Content> contents_;  // by path
};

// By its first bytes. Errors of FileSystem::open.
Result<bool> is_bundle(const os::FileSystem& files, const std::string& path);

}  // namespace arete::bundle
