// `arete convert MODEL -o OUT`: the same model in another form: a newer opset, without functions, as text or .onnx.
#include <iostream>

#include "apps/cli.h"
#include "apps/models.h"
#include "apps/verbs.h"
#include "graph/official.h"
#include "graph/summary.h"
#include "graph/text.h"
#include "optimize/load_model.h"
#include "os/base/files.h"

namespace arete::apps {
namespace {

struct Options {
  std::string model;
  BundleChoice bundle;
  std::string output;
  std::int64_t opset = 0;  // 0: as it is
  bool inline_functions = false;
  bool plaintext = false;
  bool json = false;
};

bool is_text(const std::string& path) { return path.ends_with(".txt"); }

void add_options(CLI::App& app, Options& o) {
  app.add_option("MODEL", o.model, std::string(kModelHelp) + ", or a text graph")->required();
  add_bundle_choice(app, o.bundle);
  app.add_option("-o,--output", o.output, "the new file: a text graph where it ends in .txt, else .onnx")->required();
  app.add_option("--opset", o.opset, "bring the operators to this version of ONNX's operator set")
      ->check(CLI::Range(1, 1000));
  app.add_flag("--inline-functions", o.inline_functions, "put the bodies of the model's own functions in their place");
  app.add_flag("--plaintext", o.plaintext, "write a sealed bundle's model as it is, for everybody to read");
  add_json_option(app, o.json);
  app.footer(
      "\nA text graph holds the whole model, reads back and can be edited (docs/formats/text.md):\n"
      "  arete convert model.onnx -o model.txt\n"
      "  arete convert model.txt -o model.onnx\n"
      "Newer operators:\n"
      "  arete convert old.onnx -o new.onnx --opset 17");
}

Result<graph::Model> converted(const graph::ReadModel& read, const Options& o) {
  graph::Model model = read.model;
  if (o.inline_functions) {
    ASSIGN_OR_RETURN(model, graph::inline_functions(model));
  }
  if (o.opset == 0) return model;
  if (o.opset < model.opset()) {
    return Error{Code::kUnsupported, "the model is in opset " + std::to_string(model.opset()) +
                                         "; it can only be brought to a newer one, not to " + std::to_string(o.opset)};
  }
  return graph::convert_opset(model, o.opset);
}

// Nothing that is written may be something that is read, or something else than a file.
Status check_places(const os::FileSystem& files, const graph::ReadModel& read, const Options& o) {
  std::vector<std::string> sources = {o.model};
  for (const auto& [location, bytes] : read.external_files)
    sources.push_back(os::join_path(os::folder_of(o.model), location));
  std::vector<std::string> places = {o.output};
  if (!is_text(o.output)) places.push_back(optimize::data_path_of(o.output));
  for (const std::string& place : places) {
    for (const std::string& source : sources) {
      if (os::same_file(files, source, place))
        return Error{Code::kInvalid,
                     "'" + place + "' would overwrite '" + source + "', which is read; give another -o"};
    }
    RETURN_IF_ERROR(optimize::check_place(files, place, "the output"));
  }
  const bool too_long = is_text(o.output) && graph::weight_bytes(read.model) > graph::kMaxTextBytes / 2;
  if (too_long) return Error{Code::kExhausted, "as text the model would be over 1 GiB; keep it as .onnx"};
  return {};
}

Status write(const os::FileSystem& files, const graph::Model& model, const std::string& path) {
  if (is_text(path)) return os::write_text(files, path, graph::to_text(model, {8, true}));
  std::vector<std::unique_ptr<os::StagedFile>> staged;
  RETURN_IF_ERROR(optimize::stage_files(files, model, path, staged));
  for (const auto& file : staged) RETURN_IF_ERROR(file->commit());
  return {};
}

}  // namespace

int run_convert(int argc, char** argv) {
  Options o;
  CLI::App app("The same model in another form: newer operators, without functions of its own, as text.",
               "arete convert");
  add_options(app, o);
  if (const auto status = parse(app, argc, argv)) return *status;
  const os::FileSystem& files = os::real_file_system();
  const Result<FoundModel> found = find_model(o.model, o.bundle);
  if (!found) return fail(found.error());
  if (found->is_sealed && !o.plaintext) {
    return fail({Code::kInvalid, o.model + " is sealed, and its model would lie open on the disk; say --plaintext if "
                                           "that is what you want"});
  }
  const Result<graph::ReadModel> read = read_graph(*found);
  if (!read) return fail(read.error());
  const Status free = check_places(files, *read, o);
  if (!free) return fail(free.error());
  const Result<graph::Model> model = converted(*read, o);
  if (!model) return fail(with_context(model.error(), o.model));
  if (!read->frozen_inputs.empty()) {
    std::cerr << "arete: note: " << read->frozen_inputs.size()
              << " initializers were listed as inputs too; they are constants now\n";
  }
  const Status written = write(files, *model, o.output);
  if (!written) return fail(written.error());
  const Result<os::FileInfo> file = files.info(o.output);
  if (!file) return fail(file.error());
  const graph::Summary summary = graph::summarise(*model);
  if (o.json) {
    print_json(Json::object({{"path", o.output},
                             {"opset", model->opset()},
                             {"nodes", summary.nodes},
                             {"functions", static_cast<std::int64_t>(model->functions.size())},
                             {"bytes", file->size_bytes}}));
  } else {
    std::cout << o.output << ": opset " << model->opset() << ", " << summary.nodes << " nodes, " << file->size_bytes
              << " bytes\n";
  }
  return kDone;
}

}  // namespace arete::apps
