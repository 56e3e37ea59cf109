#include "graph/op_table.h"

#include <onnx/defs/schema.h>

namespace arete::graph {
namespace {

std::vector<ParameterRow> parameters(const std::vector<onnx::OpSchema::FormalParameter>& formal) {
  std::vector<ParameterRow> rows;
  for (const auto& parameter : formal)
    rows.push_back({parameter.GetName(), parameter.GetOption() == onnx::OpSchema::Single});
  return rows;
}

}  // namespace

std::optional<OpRow> find_op(std::string_view domain, std::string_view op_type, std::int64_t opset) {
  const onnx::OpSchema* schema =
      onnx::OpSchemaRegistry::Schema(std::string(op_type), static_cast<int>(opset), std::string(domain));
  if (schema == nullptr) return std::nullopt;
  OpRow row{schema->since_version(),       schema->min_input(),
            schema->max_input(),           schema->min_output(),
            schema->max_output(),          schema->deprecated(),
            schema->HasFunction(),         parameters(schema->inputs()),
            parameters(schema->outputs()), {}};
  for (const auto& [name, attribute] : schema->attributes()) {
    row.attributes.emplace(name, AttributeRow{static_cast<AttributeType>(attribute.type), attribute.required});
  }
  return row;
}

std::int64_t newest_ir_version() { return onnx::IR_VERSION; }

std::int64_t newest_opset(std::string_view domain) {
  const auto& ranges = onnx::OpSchemaRegistry::DomainToVersionRange::Instance().Map();
  const auto found = ranges.find(std::string(domain));
  return found == ranges.end() ? 0 : found->second.second;
}

}  // namespace arete::graph
