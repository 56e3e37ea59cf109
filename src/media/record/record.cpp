#include "media/record/record.h"

#include <cmath>
#include <string>
#include <vector>

#include "core/check.h"

namespace arete::media {
namespace {

Error wrong_field(const RecordField& field, const std::string& why) {
  return {Code::kInvalid, "record: field \"" + field.name + "\" " + why};
}

Result<std::optional<double>> find_value(const Json& record, const RecordField& field) {
  const Json* const member = record.find(field.name);
  if (member == nullptr || member->is_null()) return std::optional<double>();
  if (!member->is_number()) {
    return wrong_field(field, "must be a number, not a " + std::string(member->type_name()));
  }
  return std::optional<double>(member->as_double());
}

Result<float> to_element(std::optional<double> value, const RecordField& field) {
  if (!value && !field.has_default) return wrong_field(field, "is missing and has no default");
  const auto element = static_cast<float>(value.value_or(field.default_value));
  if (!std::isfinite(element)) return wrong_field(field, "must be a finite number of at most 3.4e38");
  return element;
}

}  // namespace

Result<Tensor> fields_to_tensor(std::span<const std::optional<double>> values, const InputCard& card) {
  CHECK(values.size() == card.fields.size());
  std::vector<float> row;
  for (std::size_t i = 0; i < values.size(); ++i) {
    ASSIGN_OR_RETURN(const float element, to_element(values[i], card.fields[i]));
    row.push_back(element);
  }
  return Tensor::of<float>({1, static_cast<std::int64_t>(row.size())}, row);
}

Result<Tensor> record_to_tensor(const Json& record, const InputCard& card) {
  if (card.kind != InputKind::kRecord || card.fields.empty()) {
    return Error{Code::kInvalid, "card: \"kind\" must be \"record\", with \"fields\""};
  }
  if (!record.is_object()) {
    return Error{Code::kInvalid,
                 "a record must be a JSON object of named numbers, not a " + std::string(record.type_name())};
  }
  std::vector<std::optional<double>> values;
  for (const RecordField& field : card.fields) {
    ASSIGN_OR_RETURN(const std::optional<double> value, find_value(record, field));
    values.push_back(value);
  }
  return fields_to_tensor(values, card);
}

}  // namespace arete::media
