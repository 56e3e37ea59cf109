#include "engine/onnxruntime/onnxruntime.h"

#include <onnxruntime_cxx_api.h>

#include <algorithm>
#include <atomic>
#include <new>
#include <optional>

#include "core/external_location.h"
#include "engine/host.h"
#include "engine/onnx_scan.h"
#include "engine/onnxruntime/errors.h"
#include "engine/onnxruntime/library.h"
#include "engine/onnxruntime/values.h"

namespace arete::engine {
namespace {

// Runs `work`, whose exceptions stop here.
template <class Work>
auto without_exceptions(const Work& work) -> decltype(work()) {
  try {
    return work();
  } catch (const Ort::Exception& failure) {
    return to_error(failure);
  } catch (const std::bad_alloc&) {
    return Error{Code::kExhausted, "no memory"};
  } catch (const std::exception& failure) {
    return Error{Code::kBug, failure.what()};
  }
}

std::string_view kind_name(ONNXType kind) {
  switch (kind) {
    case ONNX_TYPE_SEQUENCE:
      return "a sequence";
    case ONNX_TYPE_MAP:
      return "a map";
    case ONNX_TYPE_OPTIONAL:
      return "an optional value";
    case ONNX_TYPE_SPARSETENSOR:
      return "a sparse tensor";
    default:
      return "no tensor";
  }
}

// Dtypes that no tensor of ONNX Runtime can have, said in our words before it looks at the model.
Status check_dtypes(const OnnxScan& scan) {
  for (const auto& [name, declared] : scan.values) {
    if (declared.elem_type == 0) continue;
    const std::optional<DType> dtype = dtype_from_onnx(declared.elem_type);
    if (!dtype) {
      return Error{Code::kInvalid, "'" + name + "' has element type " + std::to_string(declared.elem_type) +
                                       ", which ONNX does not define"};
    }
    if (!is_passable(*dtype)) {
      return Error{Code::kUnsupported,
                   "'" + name + "' is of " + std::string(name_of(*dtype)) + ", which ONNX Runtime does not pass"};
    }
  }
  return {};
}

// What ONNX Runtime says of an input or output, completed by what the file declares: the API does
// not tell a scalar from an unknown rank.
Result<ValueInfo> value_info(const std::string& role, std::string name, const Ort::TypeInfo& type,
                             const OnnxScan& scan) {
  const std::string subject = role + " '" + name + "'";
  if (type.GetONNXType() != ONNX_TYPE_TENSOR) {
    return Error{Code::kUnsupported, subject + " is " + std::string(kind_name(type.GetONNXType())) +
                                         "; only tensors can be passed (export it as tensors, for "
                                         "scikit-learn with zipmap off)"};
  }
  const auto tensor = type.GetTensorTypeAndShapeInfo();
  const std::optional<DType> dtype = dtype_from_ort(tensor.GetElementType());
  if (!dtype) return Error{Code::kUnsupported, subject + " has an unknown element type"};
  const auto declared = scan.values.find(name);
  const bool says_scalar = declared != scan.values.end() && declared->second.has_shape;
  ValueInfo info{std::move(name), *dtype, tensor.GetShape(), true, {}};
  std::vector<const char*> axes(info.shape.size(), "");
  if (!axes.empty()) tensor.GetSymbolicDimensions(axes.data(), axes.size());
  info.axes.assign(axes.begin(), axes.end());
  info.known_shape = !info.shape.empty() || says_scalar;
  return info;
}

// Newer libraries refuse files outside the model's folder too, 1.21 does not.
Status check_external_files(const OnnxScan& scan, const ModelSource& source) {
  for (const std::string& file : scan.external_files) {
    if (source.folder.empty() && !source.external.contains(file)) {
      return Error{Code::kInvalid,
                   "its weights lie in '" + file + "', but it was given as bytes; open it from its file"};
    }
    RETURN_IF_ERROR(check_external_location(file));
  }
  if (source.external.empty() || !scan.has_external_below) return {};
  return Error{
      Code::kUnsupported,
      "weights of a subgraph or function lie in a file of their own, which ONNX Runtime reads from disk alone; "
      "put them into the model, or for a bundle: arete bundle extract"};
}

// How long the session's threads look for work before they sleep: 20 us, enough to stay awake from
// one operator to the next. The library's own choice is to look for about 10 ms, which takes the
// cores from other sessions and programs. Two sessions of a 6.6 ms model in turns, 2 threads on 2
// quiet cores: 12 ms by the library's choice, 6.6 with 20 us, 6.7 without spinning; 200 requests a
// second of a 0.5 ms model: 1.28, 0.27 and 0.30 cores busy. Without spinning a 0.05 ms model takes
// 0.09 ms and a 0.49 ms one 0.64. On busy cores 20 us is as fast as no spinning; the library's
// choice is 1.6 times slower.
void set_spinning(Ort::SessionOptions& wanted, const OrtLibrary& library) {
  constexpr int kFirstWithSpinDuration = 26;
  if (library.minor >= kFirstWithSpinDuration) {
    wanted.AddConfigEntry("session.intra_op.spin_duration_us", "20");
  } else {
    wanted.AddConfigEntry("session.intra_op.allow_spinning", "0");
  }
}

// No file can lie there. Where the library looks for one all the same it must not find what is none of the model's: an
// empty path means the working folder to it.
constexpr const char* kNowhere = "/dev/null/none";

// Copied while the session is made.
void add_external(Ort::SessionOptions& wanted, const ModelSource& source) {
  std::vector<std::string> locations;
  std::vector<char*> starts;
  std::vector<std::size_t> sizes;
  for (const auto& [location, data] : source.external) {
    locations.push_back(location);
    starts.push_back(const_cast<char*>(reinterpret_cast<const char*>(data.view.data())));  // which it only reads
    sizes.push_back(data.view.size());
  }
  if (!locations.empty()) wanted.AddExternalInitializersFromFilesInMemory(locations, starts, sizes);
}

// Every choice about how a session runs stands here.
Ort::SessionOptions session_options(const OrtLibrary& library, const ModelSource& source, const SessionOptions& options,
                                    const OnnxScan& scan, int threads) {
  Ort::SessionOptions wanted;
  wanted.SetLogSeverityLevel(ORT_LOGGING_LEVEL_FATAL);
  wanted.SetGraphOptimizationLevel(options.optimise ? ORT_ENABLE_ALL : ORT_DISABLE_ALL);
  // One run is one sequence of operators, each spread over the threads.
  wanted.SetExecutionMode(ORT_SEQUENTIAL);
  wanted.SetIntraOpNumThreads(threads);
  wanted.SetInterOpNumThreads(1);
  set_spinning(wanted, library);
  // Where pairs of int8 products are added in 16 bits they saturate: with weights up to +-127 the
  // outputs of int8 Conv, Gemm and MatMul had 6 to 20 dB SQNR on an AVX2 CPU. This rewrites such
  // weights to uint8, whose kernels are exact (53 dB and more), for 1.1 to 1.5 times the time;
  // weights within +-64 cannot saturate and keep the fast kernels. Not where the products are exact
  // anyway: the library would take the slower kernels there too.
  if (!has_exact_int8_products()) wanted.AddConfigEntry("session.x64quantprecision", "1");
  // Int8 weights that are dequantised for float arithmetic: fold them once at open, or they are
  // dequantised on every run. (4-bit weights stay: ONNX Runtime multiplies by those directly.)
  if (dequantises_weights_only(scan) && !scan.has_4_bit_weights) {
    wanted.AddConfigEntry("session.disable_quant_qdq", "1");
  }
  wanted.AddConfigEntry("session.model_external_initializers_file_folder_path",
                        source.folder.empty() ? kNowhere : source.folder.c_str());
  add_external(wanted, source);
  if (!options.optimised_model_path.empty()) {
    wanted.SetOptimizedModelFilePath(options.optimised_model_path.c_str());
  }
  return wanted;
}

// Opening copies weights several times, and one large batch takes a large arena. Both would stay in this process after
// use: freed blocks in the C library's heap (a 45 MB ResNet-18: 176 MB after opening, 69 when they are handed back; 40
// to 110 MB after a 100 MB model was closed, 24 as before it), and the arena until its session is closed (695 MB after
// one run of 128 images, 75 when it shrinks). So what is freed is handed back after opening and closing all but small
// models, and the arena shrinks behind a peak. No arena at all would cost runs of 8 images 6 % of CPU time and of 32
// images 5 to 9; for small models (a 4-32-3 MLP, MLPerf Tiny) neither is measurable. Arenas that grow by what is asked
// for, and weights outside of the arena, changed nothing.
constexpr std::size_t kSmallBytes = std::size_t{1} << 20;  // of a model or of inputs: not worth handing back
constexpr bool kHasArena = sizeof(void*) == 8;             // the library's own rule

// Which runs shrink the arena at their end: one whose inputs are more than kPeakFactor times all before it, for that
// may have been a single one; and, for its outputs were still out then, the last of kCalmRuns runs that are as much
// smaller. Batches that come and go shrink nothing. Threads: any.
class PeakWatch {
 public:
  bool is_behind_peak(std::size_t input_bytes) {
    const std::size_t kept = kept_bytes_.load(std::memory_order_relaxed);
    const bool grew = input_bytes > kSmallBytes && input_bytes / kPeakFactor > kept;
    const bool is_calm = kept > kSmallBytes && input_bytes < kept / kPeakFactor;
    if (!is_calm) {
      calm_runs_.store(0, std::memory_order_relaxed);
      if (input_bytes > kept) kept_bytes_.store(input_bytes, std::memory_order_relaxed);
      return kHasArena && grew;
    }
    if (calm_runs_.fetch_add(1, std::memory_order_relaxed) + 1 < kCalmRuns) return false;
    kept_bytes_.store(input_bytes, std::memory_order_relaxed);
    return kHasArena;
  }
  bool saw_large() const { return kept_bytes_.load(std::memory_order_relaxed) > kSmallBytes; }

 private:
  static constexpr std::size_t kPeakFactor = 8;
  static constexpr int kCalmRuns = 16;

  std::atomic<std::size_t> kept_bytes_ = 0;  // inputs of the largest run whose memory the arena may still have
  std::atomic<int> calm_runs_ = 0;
};

class OrtSession final : public Session {
 public:
  OrtSession(Ort::Session session, bool is_large) : session_(std::move(session)), is_large_(is_large) {
    shrinking_.AddConfigEntry("memory.enable_memory_arena_shrinkage", "cpu:0");
    // An arena never gives its first region back: let that be the smallest, not the one that a first large run takes.
    Ort::Allocator arena(session_, Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault));
    arena.GetAllocation(1);
    if (is_large_) return_freed_memory();
  }
  OrtSession(const OrtSession&) = delete;
  OrtSession& operator=(const OrtSession&) = delete;
  ~OrtSession() override {
    session_ = Ort::Session(nullptr);
    if (is_large_ || peaks_.saw_large()) return_freed_memory();
  }

  Status describe_values(const OnnxScan& scan) {
    Ort::AllocatorWithDefaultOptions allocator;
    for (std::size_t i = 0; i < session_.GetInputCount(); ++i) {
      ASSIGN_OR_RETURN(ValueInfo info, value_info("input", session_.GetInputNameAllocated(i, allocator).get(),
                                                  session_.GetInputTypeInfo(i), scan));
      inputs_.push_back(std::move(info));
    }
    for (std::size_t i = 0; i < session_.GetOutputCount(); ++i) {
      ASSIGN_OR_RETURN(ValueInfo info, value_info("output", session_.GetOutputNameAllocated(i, allocator).get(),
                                                  session_.GetOutputTypeInfo(i), scan));
      outputs_.push_back(std::move(info));
    }
    for (const ValueInfo& info : outputs_) output_names_.push_back(info.name.c_str());
    return {};
  }

  const std::vector<ValueInfo>& inputs() const override { return inputs_; }
  const std::vector<ValueInfo>& outputs() const override { return outputs_; }

  Result<std::vector<Tensor>> run(std::span<const NamedTensor> inputs) override {
    RETURN_IF_ERROR(check_inputs(inputs_, inputs));
    Result<std::vector<Tensor>> outputs = without_exceptions([&] { return run_checked(inputs); });
    if (outputs) return outputs;
    const std::string conflict = axis_conflict(inputs_, inputs);
    if (!conflict.empty()) return with_context(std::move(outputs).error(), conflict);
    return outputs;
  }

 private:
  Result<std::vector<Tensor>> run_checked(std::span<const NamedTensor> inputs) {
    std::vector<const char*> names;
    std::vector<Ort::Value> values;
    names.reserve(inputs.size());
    values.reserve(inputs.size());
    std::size_t input_bytes = 0;
    for (const NamedTensor& input : inputs) {
      ASSIGN_OR_RETURN(Ort::Value value, to_value(input));
      names.push_back(input.name.c_str());
      values.push_back(std::move(value));
      input_bytes += input.tensor.size_bytes();
    }
    const bool shrinks = peaks_.is_behind_peak(input_bytes);
    std::vector<Ort::Value> results = session_.Run(shrinks ? shrinking_ : plain_, names.data(), values.data(),
                                                   values.size(), output_names_.data(), output_names_.size());
    std::vector<Tensor> outputs;
    outputs.reserve(results.size());
    for (std::size_t i = 0; i < results.size(); ++i) {
      ASSIGN_OR_RETURN(Tensor output, to_tensor(std::move(results[i]), outputs_[i].name, inputs));
      outputs.push_back(std::move(output));
    }
    if (shrinks) return_freed_memory();
    return outputs;
  }

  Ort::Session session_;
  const bool is_large_;
  const Ort::RunOptions plain_;
  Ort::RunOptions shrinking_;
  PeakWatch peaks_;
  std::vector<ValueInfo> inputs_;
  std::vector<ValueInfo> outputs_;
  std::vector<const char*> output_names_;  // into outputs_
};

class OrtEngine final : public Engine {
 public:
  explicit OrtEngine(const OrtLibrary& library) : library_(library) {}
  std::string name() const override { return "onnxruntime"; }
  std::string version() const override { return library_.version; }

  Result<std::unique_ptr<Session>> open(const ModelSource& source, const SessionOptions& options) override {
    Result<std::unique_ptr<Session>> session = without_exceptions([&] { return open_checked(source, options); });
    if (!session) return with_context(std::move(session).error(), "'" + source.name + "'");
    return session;
  }

 private:
  Result<std::unique_ptr<Session>> open_checked(const ModelSource& source, const SessionOptions& options) {
    ASSIGN_OR_RETURN(const int threads, resolve_threads(options.threads));
    ASSIGN_OR_RETURN(const OnnxScan scan, scan_onnx(source.bytes.view));
    RETURN_IF_ERROR(check_dtypes(scan));
    RETURN_IF_ERROR(check_external_files(scan, source));
    const bool is_large = source.bytes.view.size() > kSmallBytes || !scan.external_files.empty();
    auto session =
        std::make_unique<OrtSession>(Ort::Session(library_.env, source.bytes.view.data(), source.bytes.view.size(),
                                                  session_options(library_, source, options, scan, threads)),
                                     is_large);
    RETURN_IF_ERROR(session->describe_values(scan));
    return std::unique_ptr<Session>(std::move(session));
  }

  const OrtLibrary& library_;
};

}  // namespace

Result<std::unique_ptr<Engine>> make_onnxruntime(const EngineOptions& options) {
  return without_exceptions([&]() -> Result<std::unique_ptr<Engine>> {
    ASSIGN_OR_RETURN(const OrtLibrary* library, open_library(options.library_paths));
    return std::unique_ptr<Engine>(std::make_unique<OrtEngine>(*library));
  });
}

}  // namespace arete::engine
