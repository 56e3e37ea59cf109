#include "apps/bundle_describe.h"

#include <algorithm>
#include <cstdlib>

#include "apps/cards.h"
#include "os/base/files.h"

namespace arete::apps {
namespace {

// "top-1 accuracy=92.9 %, 10,000 test images"
Result<bundle::Claim> parse_claim(const std::string& text) {
  const Error wrong{Code::kInvalid, "'" + text + "' is no claim; write 'WHAT=VALUE UNIT, HOW IT WAS MEASURED'"};
  const std::size_t equals = text.find('=');
  const std::size_t comma = text.find(", ", equals == std::string::npos ? 0 : equals);
  if (equals == std::string::npos || equals == 0 || comma == std::string::npos) return wrong;
  const std::string number = text.substr(equals + 1, comma - equals - 1);
  char* end = nullptr;
  const double value = std::strtod(number.c_str(), &end);
  if (end == number.c_str()) return wrong;
  const std::string unit(end);
  return bundle::Claim{text.substr(0, equals), value, unit.substr(std::min(unit.find_first_not_of(' '), unit.size())),
                       text.substr(comma + 2)};
}

std::vector<bundle::TensorInfo> tensors_of(const std::vector<engine::ValueInfo>& values) {
  std::vector<bundle::TensorInfo> tensors;
  for (const engine::ValueInfo& value : values) tensors.push_back({value.name, value.dtype, value.shape});
  return tensors;
}

}  // namespace

void add_describe_options(CLI::App& app, DescribeOptions& o) {
  app.add_option("--version", o.version, "its semantic version: 1.4.0")->required();
  app.add_option("--name", o.name, "its name (default: the model file's)");
  app.add_option("--release", o.release, "counts up with every release of the name; devices never go back (default 1)");
  app.add_option("--card", o.card, "the model card (default: NAME.card.json beside MODEL)");
  app.add_option("--changelog", o.changelog, "what is new, in words");
  app.add_option("--minimum-agent", o.minimum_agent, "the oldest agent that may run it: 0.2.0");
  app.add_option("--claim", o.claims, "a statement: 'WHAT=VALUE UNIT, HOW IT WAS MEASURED'")->take_all();
}

Result<bundle::Manifest> describe(const DescribeOptions& o, const std::string& engine,
                                  const std::vector<ModelVariant>& variants) {
  const ModelVariant& first = variants.front();
  bundle::Manifest manifest;
  manifest.name = o.name.empty() ? os::stem_of(first.path) : o.name;
  manifest.version = o.version;
  manifest.release = o.release;
  manifest.minimum_agent = o.minimum_agent;
  manifest.changelog = o.changelog;
  manifest.inputs = tensors_of(first.session->inputs());
  manifest.outputs = tensors_of(first.session->outputs());
  ASSIGN_OR_RETURN(manifest.card, load_card(o.card, first.path));
  for (const ModelVariant& variant : variants)
    manifest.variants.push_back({variant.name, variant.target, engine, variant.model, {}, {}});
  for (const std::string& text : o.claims) {
    ASSIGN_OR_RETURN(bundle::Claim claim, parse_claim(text));
    manifest.claims.push_back(std::move(claim));
  }
  return manifest;
}

}  // namespace arete::apps
