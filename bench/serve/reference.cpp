// What no server can beat: the engine by its own C functions and libjpeg-turbo alone, one thread, nothing around them.
// A process that stays up and answers each line of stdin by a line of JSON.
//
//   bench_serve_reference LIBRARY MODEL [JPEG]     MODEL has one float input (its batch is 1) and one output
//   ready {"engine", "load_s", "first_run_s"}      load_s: opening the model, the library being open already
//   go SECONDS -> {"engine_p50_s", "engine_cpu_s", "engine_runs"} and with a JPEG {"decode_p50_s", "decode_cpu_s",
//                 "decode_runs"}: medians of a run's wall time and CPU time a run, half of the seconds for each
#include <dlfcn.h>
#include <onnxruntime_c_api.h>
#include <turbojpeg.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <functional>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

namespace {

using Bytes = std::vector<unsigned char>;

double now_s() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

double thread_cpu_s() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

[[noreturn]] void fail(const std::string& message) {
  std::cerr << "bench_serve_reference: " << message << "\n";
  std::exit(1);
}

class Model {
 public:
  Model(const std::string& library, const std::string& path) {
    void* const handle = ::dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) fail(::dlerror());
    const auto base = reinterpret_cast<const OrtApiBase* (*)()>(::dlsym(handle, "OrtGetApiBase"));
    version_ = base()->GetVersionString();
    api_ = base()->GetApi(ORT_API_VERSION);
    check(api_->CreateEnv(ORT_LOGGING_LEVEL_FATAL, "bench", &env_));
    OrtSessionOptions* options = nullptr;
    check(api_->CreateSessionOptions(&options));
    check(api_->SetIntraOpNumThreads(options, 1));
    check(api_->SetInterOpNumThreads(options, 1));
    const double start_s = now_s();
    check(api_->CreateSession(env_, path.c_str(), options, &session_));
    load_s_ = now_s() - start_s;
    api_->ReleaseSessionOptions(options);
    check(api_->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &memory_));
    read_input();
  }

  void run() {
    OrtValue* input = nullptr;
    OrtValue* output = nullptr;
    check(api_->CreateTensorWithDataAsOrtValue(memory_, data_.data(), data_.size() * sizeof(float), shape_.data(),
                                               shape_.size(), ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &input));
    check(api_->Run(session_, nullptr, &input_name_, &input, 1, &output_name_, 1, &output));
    api_->ReleaseValue(output);
    api_->ReleaseValue(input);
  }

  const std::string& version() const { return version_; }
  double load_s() const { return load_s_; }

 private:
  void read_input() {
    OrtAllocator* allocator = nullptr;
    check(api_->GetAllocatorWithDefaultOptions(&allocator));
    check(api_->SessionGetInputName(session_, 0, allocator, &input_name_));
    check(api_->SessionGetOutputName(session_, 0, allocator, &output_name_));
    OrtTypeInfo* type = nullptr;
    const OrtTensorTypeAndShapeInfo* info = nullptr;
    std::size_t rank = 0;
    check(api_->SessionGetInputTypeInfo(session_, 0, &type));
    check(api_->CastTypeInfoToTensorInfo(type, &info));
    check(api_->GetDimensionsCount(info, &rank));
    shape_.resize(rank);
    check(api_->GetDimensions(info, shape_.data(), rank));
    api_->ReleaseTypeInfo(type);
    std::size_t size = 1;
    for (std::int64_t& side : shape_) size *= static_cast<std::size_t>(side = std::max<std::int64_t>(side, 1));
    for (std::size_t i = 0; i < size; ++i) data_.push_back(static_cast<float>(i % 97) / 48 - 1);
  }

  void check(OrtStatus* status) const {
    if (status != nullptr) fail(api_->GetErrorMessage(status));
  }

  const OrtApi* api_ = nullptr;
  OrtEnv* env_ = nullptr;
  OrtSession* session_ = nullptr;
  OrtMemoryInfo* memory_ = nullptr;
  char* input_name_ = nullptr;
  char* output_name_ = nullptr;
  std::vector<std::int64_t> shape_;
  std::vector<float> data_;
  std::string version_;
  double load_s_ = 0;
};

// To RGB as every server here does it: the exact transform, smooth chroma.
class Decoder {
 public:
  explicit Decoder(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    bytes_.assign(std::istreambuf_iterator<char>(file), {});
    int subsampling = 0;
    int space = 0;
    if (::tjDecompressHeader3(handle_, bytes_.data(), bytes_.size(), &width_, &height_, &subsampling, &space) != 0)
      fail("cannot read " + path + ": " + ::tjGetErrorStr2(handle_));
    pixels_.resize(static_cast<std::size_t>(width_) * static_cast<std::size_t>(height_) * 3);
  }

  void run() {
    if (::tjDecompress2(handle_, bytes_.data(), bytes_.size(), pixels_.data(), width_, 0, height_, TJPF_RGB, 0) != 0)
      fail(::tjGetErrorStr2(handle_));
  }

 private:
  const tjhandle handle_ = ::tjInitDecompress();
  Bytes bytes_;
  int width_ = 0;
  int height_ = 0;
  Bytes pixels_;
};

// JSON members NAME_p50_s, NAME_cpu_s and NAME_runs.
std::string measure(const std::string& name, double seconds, const std::function<void()>& run) {
  std::vector<double> walls;
  const double cpu_before = thread_cpu_s();
  for (const double end_s = now_s() + seconds; walls.empty() || now_s() < end_s;) {
    const double start_s = now_s();
    run();
    walls.push_back(now_s() - start_s);
  }
  const double cpu_s = (thread_cpu_s() - cpu_before) / static_cast<double>(walls.size());
  std::ranges::nth_element(walls, walls.begin() + static_cast<std::ptrdiff_t>(walls.size() / 2));
  std::ostringstream text;
  text << '"' << name << "_p50_s\":" << walls[walls.size() / 2] << ",\"" << name << "_cpu_s\":" << cpu_s << ",\""
       << name << "_runs\":" << walls.size();
  return text.str();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) fail("usage: LIBRARY MODEL [JPEG]");
  Model model(argv[1], argv[2]);
  std::vector<Decoder> decoders;
  if (argc > 3) decoders.emplace_back(argv[3]);
  const double start_s = now_s();
  model.run();
  std::cout << "ready {\"engine\":\"onnxruntime " << model.version() << "\",\"load_s\":" << model.load_s()
            << ",\"first_run_s\":" << now_s() - start_s << "}" << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    const double seconds = line.starts_with("go ") ? std::atof(line.c_str() + 3) : 0;
    const double share = decoders.empty() ? 1 : 0.5;
    std::string answer = measure("engine", seconds * share, [&] { model.run(); });
    for (Decoder& decoder : decoders) answer += "," + measure("decode", seconds * share, [&] { decoder.run(); });
    std::cout << "{" << answer << "}" << std::endl;
  }
  return 0;
}
