// `arete info MODEL`: what a model holds, without running it.
#include <algorithm>
#include <iostream>

#include "api/info.h"
#include "apps/cli.h"
#include "apps/models.h"
#include "apps/verbs.h"
#include "graph/official.h"
#include "graph/summary.h"
#include "graph/text.h"
#include "os/base/files.h"

namespace arete::apps {
namespace {

void print_values(const char* title, const std::vector<graph::Value>& values) {
  for (const graph::Value& value : values)
    std::cout << title << value.name << "  " << graph::to_string(value.type) << "\n";
}

std::string macs_text(const graph::Summary& summary) {
  if (!summary.macs) return "not known (a shape is missing)";
  if (summary.uncounted.empty()) return std::to_string(*summary.macs);
  std::string ops;
  for (const std::string& op : summary.uncounted) ops += (ops.empty() ? "" : ", ") + op;
  return "at least " + std::to_string(*summary.macs) + " (not counted: " + ops + ")";
}

void print_bundle(const FoundModel& model) {
  if (model.bundle == nullptr) return;
  const bundle::Manifest& manifest = model.bundle->manifest();
  const bundle::Variant& variant = *model.variant;
  std::cout << "bundle      " << manifest.name << " " << manifest.version << ", release " << manifest.release
            << "\nvariant     " << variant.name << " for " << variant.target << " by " << variant.engine << ", "
            << variant.model << "\n";
}

Json bundle_json(const FoundModel& model) {
  const bundle::Manifest& manifest = model.bundle->manifest();
  const bundle::Variant& variant = *model.variant;
  return Json::object({{"name", manifest.name},
                       {"version", manifest.version},
                       {"release", manifest.release},
                       {"variant", variant.name},
                       {"target", variant.target},
                       {"engine", variant.engine},
                       {"model", variant.model}});
}

void print_info(const graph::ReadModel& read, const graph::Summary& summary, std::uint64_t bytes) {
  print_values("input       ", read.model.graph.inputs);
  print_values("output      ", read.model.graph.outputs);
  std::cout << "opset       " << read.model.opset() << "\nnodes       " << summary.nodes << "\nparameters  "
            << summary.parameters << "\nbytes       " << bytes << "\nMACs        " << macs_text(summary)
            << "\nops        ";
  std::vector<std::pair<std::int64_t, std::string>> ops;
  for (const auto& [op, count] : summary.ops) ops.emplace_back(-count, op);  // most frequent first
  std::ranges::sort(ops);
  for (std::size_t i = 0; i < ops.size(); ++i)
    std::cout << (i > 0 ? ", " : " ") << -ops[i].first << " " << ops[i].second;
  std::cout << "\n";
  if (!read.frozen_inputs.empty()) {
    std::cout << "note        " << read.frozen_inputs.size()
              << " initializers were listed as inputs too; Arete reads them as constants\n";
  }
}

}  // namespace

int run_info(int argc, char** argv) {
  std::string path;
  BundleChoice bundle;
  bool json = false;
  bool text = false;
  CLI::App app("What a model holds: inputs, outputs, operators, parameters, multiplications.", "arete info");
  app.add_option("MODEL", path, std::string(kModelHelp) + ", or a text graph")->required();
  add_bundle_choice(app, bundle);
  app.add_flag("--json", json,
               "one JSON object on the last line (bytes: with what its weights take of files beside it)");
  app.add_flag("--text", text, "print the whole graph as text");
  if (const auto status = parse(app, argc, argv)) return *status;

  const Result<FoundModel> model = find_model(path, bundle);
  if (!model) return fail(model.error());
  const Result<graph::ReadModel> read = read_graph(*model);
  if (!read) return fail(read.error());
  const Result<std::uint64_t> bytes = api::size_bytes(model->files(), model->path, *read);
  if (!bytes) return fail(bytes.error());
  if (const auto complaint = graph::official_complaint(read->model)) {
    std::cerr << "arete: warning: the official ONNX checker complains: " << *complaint
              << " (Arete reads the model all the same)\n";
  }
  if (text) std::cout << graph::to_text(read->model);
  const graph::Summary summary = graph::summarise(read->model);
  if (json) {
    Json told = api::info_json(*read, summary, *bytes);
    if (model->bundle != nullptr) told.set("bundle", bundle_json(*model));
    print_json(told);
  } else if (!text) {
    print_bundle(*model);
    print_info(*read, summary, *bytes);
  }
  return kDone;
}

}  // namespace arete::apps
