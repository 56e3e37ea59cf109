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
  std::string output;
  std::int64_t opset = 0;  // 0: as it is
  bool inline_functions = false;
  bool json = false;
};

void add_options(CLI::App& app, Options& o) {
  app.add_option("MODEL", o.model, "an .onnx file, or a text graph")->required();
  app.add_option("-o,--output", o.output, "the new file: a text graph where it ends in .txt, else .onnx")->required();
  app.add_option("--opset", o.opset, "bring the operators to this version of ONNX's operator set")
      ->check(CLI::Range(1, 1000));
  app.add_flag("--inline-functions", o.inline_functions, "put the bodies of the model's own functions in their place");
  app.add_flag("--json", o.json, "one JSON object on the last line");
  app.footer(
      "\nA text graph holds the whole model, reads back and can be edited (docs/formats/text.md):\n"
      "  arete convert model.onnx -o model.txt\n"
      "  arete convert model.txt -o model.onnx\n"
      "Newer operators:\n"
      "  arete convert old.onnx -o new.onnx --opset 17");
}

Result<graph::Model> converted(const Options& o) {
  ASSIGN_OR_RETURN(graph::ReadModel read, read_graph(o.model));
  graph::Model model = std::move(read.model);
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

Status write(const os::FileSystem& files, const graph::Model& model, const std::string& path) {
  if (path.ends_with(".txt")) return os::write_text(files, path, graph::to_text(model, {8, true}));
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
  if (os::same_file(files, o.model, o.output))
    return fail({Code::kInvalid, "the output (-o) would overwrite the model '" + o.model + "'; give another path"});
  const Result<graph::Model> model = converted(o);
  if (!model) return fail(with_context(model.error(), o.model));
  const Status written = write(files, *model, o.output);
  if (!written) return fail(with_context(written.error(), o.output));
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
