// `arete run MODEL --input NAME=FILE.npy ... --output-dir DIR`: one inference on files.
#include <array>
#include <cstdio>
#include <iostream>

#include "apps/cli.h"
#include "apps/engines.h"
#include "apps/inputs.h"
#include "apps/limits.h"
#include "apps/models.h"
#include "apps/verbs.h"
#include "core/npy.h"
#include "os/base/files.h"

namespace arete::apps {
namespace {

struct Options {
  std::string path;
  BundleChoice bundle;
  std::vector<std::string> inputs;
  std::string output_dir;
  EngineChoice engine;
  Limits limits;
  bool json = false;
};

// What a run may take where nobody says: many times what the model and its inputs hold. A few bytes of a hostile model
// can ask for terabytes.
constexpr std::uint64_t kOwnBytes = 512'000'000;
constexpr std::uint64_t kPerModelByte = 32;
constexpr std::uint64_t kPerInputByte = 256;

Result<std::uint64_t> own_memory_limit(const FoundModel& model, const graph::ReadModel& read,
                                       const std::vector<NamedTensor>& inputs) {
  ASSIGN_OR_RETURN(const os::FileInfo file, model.files().info(model.path));
  std::uint64_t bytes = kOwnBytes + kPerModelByte * file.size_bytes;
  for (const auto& [location, external] : read.external_files) bytes += kPerModelByte * external;
  for (const NamedTensor& input : inputs) bytes += kPerInputByte * input.tensor.size_bytes();
  return bytes;
}

// An output's name may hold anything; a file's may not.
std::string file_name_of(const std::string& output) {
  std::string name;
  for (const char c : output) {
    const bool plain =
        (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' || c == '_' || c == '-';
    std::array<char, 4> code{};
    std::snprintf(code.data(), code.size(), "%%%02X", static_cast<unsigned char>(c));
    name += plain ? std::string(1, c) : std::string(code.data());
  }
  return name + ".npy";
}

// Nothing that is written may be what was read, by whatever name or link.
Status check_paths(const std::vector<engine::ValueInfo>& outputs, const Options& options) {
  std::vector<std::string> read = {options.path};
  for (const std::string& input : options.inputs) read.push_back(input.substr(input.find('=') + 1));
  for (const engine::ValueInfo& output : outputs) {
    const std::string path = os::join_path(options.output_dir, file_name_of(output.name));
    for (const std::string& other : read) {
      if (!os::same_file(os::real_file_system(), path, other)) continue;
      return Error{Code::kInvalid, "output '" + output.name + "' would overwrite '" + other +
                                       "', which is read; give another --output-dir"};
    }
  }
  return {};
}

Result<Json> write_outputs(const std::vector<engine::ValueInfo>& infos, const std::vector<Tensor>& outputs,
                           const std::string& folder) {
  // All are encoded before the first is written, so that a failure leaves nothing half done.
  std::vector<std::string> encoded;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    Result<std::string> bytes = write_npy(outputs[i]);
    if (!bytes) return with_context(std::move(bytes).error(), "output '" + infos[i].name + "'");
    encoded.push_back(std::move(*bytes));
  }
  const os::FileSystem& files = os::real_file_system();
  RETURN_IF_ERROR(files.make_folders(folder));
  Json list = Json::array();
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const std::string path = os::join_path(folder, file_name_of(infos[i].name));
    RETURN_IF_ERROR(write_text(files, path, encoded[i]));
    Json shape = Json::array();
    for (const std::int64_t size : outputs[i].shape()) shape.push_back(size);
    list.push_back(Json::object({{"name", infos[i].name},
                                 {"dtype", name_of(outputs[i].dtype())},
                                 {"shape", std::move(shape)},
                                 {"file", path}}));
  }
  return list;
}

Result<Json> run_once(const Options& options) {
  ASSIGN_OR_RETURN(const std::vector<NamedTensor> inputs, read_inputs(options.inputs));
  EngineChoice choice = options.engine;
  ASSIGN_OR_RETURN(const FoundModel model, find_model(options.path, options.bundle, &choice));
  ASSIGN_OR_RETURN(const std::unique_ptr<engine::Engine> engine, make_engine(choice));
  std::unique_ptr<os::TimeLimit> time_limit = start_time_limit(options.limits);
  std::uint64_t own_bytes = 0;
  {
    ASSIGN_OR_RETURN(const graph::ReadModel read, read_model(model));
    ASSIGN_OR_RETURN(own_bytes, own_memory_limit(model, read, inputs));
  }
  RETURN_IF_ERROR(limit_memory(options.limits, own_bytes));
  const auto explained = [&](const Error& error) { return explain_memory(error, options.limits, own_bytes); };
  const Result<proof::Opened> opened = open_session(*engine, model, choice.threads);
  if (!opened) return explained(opened.error());
  engine::Session& session = *opened->session;
  RETURN_IF_ERROR(check_paths(session.outputs(), options));
  const Result<std::vector<Tensor>> outputs = session.run(inputs);
  if (!outputs) return explained(outputs.error());
  time_limit.reset();  // from here on files are written
  return write_outputs(session.outputs(), *outputs, options.output_dir);
}

}  // namespace

int run_run(int argc, char** argv) {
  Options options;
  CLI::App app("Runs a model once on .npy files and writes each output as DIR/NAME.npy.", "arete run");
  app.add_option("MODEL", options.path, kModelHelp)->required();
  add_bundle_choice(app, options.bundle);
  add_input_option(app, options.inputs, "NAME=FILE.npy, once for each input (arete info shows them)");
  app.add_option("--output-dir", options.output_dir, "folder for the outputs, made if it is not there")->required();
  add_engine_options(app, options.engine);
  add_time_limit(app, options.limits);
  add_memory_limit(app, options.limits, "512 MB, 32 times the model and 256 times the inputs");
  add_json_option(app, options.json);
  app.footer("\nExample:\n  arete run model.onnx --input image=x.npy --output-dir outputs/");
  if (const auto status = parse(app, argc, argv)) return *status;
  const Result<Json> outputs = run_once(options);
  if (!outputs) return fail(outputs.error());
  if (options.json) {
    print_json(Json::object({{"outputs", *outputs}}));
    return kDone;
  }
  for (const Json& output : outputs->as_array()) std::cout << output.find("file")->as_string() << "\n";
  return kDone;
}

}  // namespace arete::apps
