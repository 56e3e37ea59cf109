// Engine: opens a model and runs tensors through it. One interface for every engine, in this
// process or in a child (docs/adr/0001): only values cross it, never a pointer into an engine.
//
// Threads: an Engine may be shared; Session::run may be called from several threads at once unless
// Session::concurrent() is false. Ownership: the caller owns sessions, and the Engine outlives them;
// the tensors that a run gave may outlive both.
// Errors: kInvalid (inputs that do not fit, a model that the engine refuses), kUnsupported (an
// operator that the engine lacks), kUnavailable (the engine's library is not there), kExhausted
// (memory), kCancelled, kCorrupt. Of a child alone: kBug with the signal's name when it crashed, then
// kUnavailable, and kTimeout when it does not answer.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/tensor.h"
#include "os/base/files.h"

namespace arete::engine {

// What a model wants or gives. Dynamic dims are -1; `known_shape` is false when even the rank is unknown. `axes` has
// the names of dynamic dims, "" for the others; it may be shorter than the shape, or empty.
struct ValueInfo {
  std::string name;
  DType dtype = DType::kUndefined;
  Shape shape;
  bool known_shape = true;
  std::vector<std::string> axes = {};
};

// A model as bytes, and where its external data lies: in a folder, or in memory. Without both it may have none.
struct ModelSource {
  SharedBytes bytes;
  std::string folder;
  std::string name;  // for messages: the path, or what the caller calls it
  // External data by the location that the model gives; an engine needs it until the model is open. With it, no folder.
  std::map<std::string, SharedBytes> external = {};

  static Result<ModelSource> from_file(const os::FileSystem& files, const std::string& path);
  // The same of files that only `files` can read: external data is in memory too. Errors begin with the path.
  static Result<ModelSource> from_files(const os::FileSystem& files, const std::string& path);
  static ModelSource from_bytes(std::string bytes, std::string name);

  std::uint64_t size_bytes() const;  // of all that is in memory or mapped
};

inline constexpr std::uint64_t kMaxModelFileBytes = std::uint64_t{2} << 30;  // what protobuf can hold

struct SessionOptions {
  int threads = 0;  // 0: all physical cores
  // Graph optimisations of the engine itself. Off only to look at what they do.
  bool optimise = true;
  // Where to leave the engine's own optimised model ("" for nowhere); a look for tests.
  std::string optimised_model_path;
};

class Session {
 public:
  virtual ~Session() = default;
  virtual const std::vector<ValueInfo>& inputs() const = 0;
  virtual const std::vector<ValueInfo>& outputs() const = 0;
  // One run: every input by name, in any order; every output in the order of outputs().
  // kInvalid names the input, what it wants and what it got.
  virtual Result<std::vector<Tensor>> run(std::span<const NamedTensor> inputs) = 0;
  virtual bool concurrent() const { return true; }
};

class Engine {
 public:
  virtual ~Engine() = default;
  virtual std::string name() const = 0;     // "onnxruntime"
  virtual std::string version() const = 0;  // "1.31.1"
  virtual Result<std::unique_ptr<Session>> open(const ModelSource& source, const SessionOptions& options) = 0;
  // Memory of the process that holds the sessions: this one, or the engine's child.
  virtual std::uint64_t resident_bytes() const;
};

// What an engine needs to start. The table of factories is filled in apps/.
struct EngineOptions {
  std::vector<std::string> library_paths;  // tried in order
};

using EngineFactory = Result<std::unique_ptr<Engine>> (*)(const EngineOptions& options);
struct EngineRow {
  std::string_view name;
  std::string_view summary;
  std::string_view library;  // the file of its library, which is opened at run time; empty: it has none
  EngineFactory make;
};

// Checks the inputs of a run against what the model wants: names, dtypes, ranks, fixed sizes.
// Every engine calls it first, so that the words are the same everywhere.
Status check_inputs(std::span<const ValueInfo> wanted, std::span<const NamedTensor> given);

// "float32[N,1,28,28]", with ? for a dynamic dim that has no name.
std::string describe(const ValueInfo& info);

// "axis N is 2 in 'a' and 3 in 'b'": inputs that give one name different sizes, a likely reason where a run failed.
// Empty without any. (No error by itself: exporters name axes carelessly.)
std::string axis_conflict(std::span<const ValueInfo> wanted, std::span<const NamedTensor> given);

}  // namespace arete::engine
