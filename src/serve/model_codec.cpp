#include "serve/model_codec.h"

#include <algorithm>

#include "media/image/to_tensor.h"
#include "media/record/record.h"
#include "serve/classification.h"
#include "serve/guess_card.h"
#include "serve/tensor_json.h"

namespace arete::serve {
namespace {

constexpr std::size_t kMaxWarmUpBytes = std::size_t{64} << 20;
constexpr std::string_view kAddCard =
    "put a card beside the model (NAME.card.json for NAME.onnx; 'arete optimize' writes one) or "
    "start with --card FILE";

bool fits(std::int64_t wanted, std::int64_t got) { return wanted < 0 || wanted == got; }

// A card's tensor [1,...] against an input, which may also lack the batch axis.
bool fits(const engine::ValueInfo& input, std::span<const std::int64_t> shape) {
  if (!input.known_shape) return true;
  if (input.shape.size() + 1 == shape.size()) shape = shape.subspan(1);
  return std::ranges::equal(input.shape, shape,
                            [](std::int64_t wanted, std::int64_t got) { return fits(wanted, got); });
}

Result<NamedTensor> as_input(const engine::ValueInfo& input, Tensor tensor) {
  if (input.known_shape && input.shape.size() + 1 == tensor.shape().size()) {
    ASSIGN_OR_RETURN(tensor, tensor.reshaped(Shape(tensor.shape().begin() + 1, tensor.shape().end())));
  }
  return NamedTensor{input.name, std::move(tensor)};
}

// What the card makes of the world, as a shape; nothing for plain tensors.
Result<std::optional<Shape>> card_shape(const InputCard& card, DType dtype) {
  if (card.kind == InputKind::kTensor) return std::optional<Shape>();
  if (card.kind == InputKind::kImage) {
    ASSIGN_OR_RETURN(Shape shape, media::image_tensor_shape(card, dtype));
    return std::optional<Shape>(std::move(shape));
  }
  if (dtype != DType::kFloat32) return Error{Code::kUnsupported, "records become float32"};
  return std::optional<Shape>({1, static_cast<std::int64_t>(card.fields.size())});
}

std::string guessed_notice(const ModelCard& card, DType dtype) {
  if (card.input.kind != InputKind::kImage) {
    return "no card: this model takes JSON tensors only, and outputs are reported as they are";
  }
  const bool grey = card.input.mean.size() == 1;
  const std::string pixels = dtype == DType::kUint8
                                 ? std::string(grey ? ", grey," : "") + " and taken as they are, 0..255"
                             : grey ? ", grey, in 0..1"
                                    : " and normalised with ImageNet's mean and deviation";
  return "no card: images are scaled to " + std::to_string(card.input.width) + "x" + std::to_string(card.input.height) +
         pixels + "; outputs are reported as they are. For labels and the right normalisation, " +
         std::string(kAddCard);
}

}  // namespace

Result<ModelCodec> ModelCodec::make(std::string name, std::optional<ModelCard> card,
                                    std::vector<engine::ValueInfo> inputs, std::vector<engine::ValueInfo> outputs) {
  ModelCodec codec;
  codec.name_ = std::move(name);
  codec.has_card_ = card.has_value();
  codec.inputs_ = std::move(inputs);
  codec.outputs_ = std::move(outputs);
  if (codec.inputs_.empty() || codec.outputs_.empty())
    return Error{Code::kInvalid, "the model '" + codec.name_ + "' has no inputs or no outputs"};
  codec.card_ = card ? std::move(*card) : guess_card(codec.inputs_, codec.outputs_).value_or(ModelCard{});
  RETURN_IF_ERROR(codec.check_card());
  RETURN_IF_ERROR(codec.check_labels());
  codec.labels_ = unique_labels(codec.card_.output.labels, codec.card_.output.labels.size());
  return codec;
}

std::vector<std::string> ModelCodec::notices() const {
  if (has_card_) return {};
  return {guessed_notice(card_, inputs_.front().dtype)};
}

Status ModelCodec::check_card() const {
  const engine::ValueInfo& input = inputs_.front();
  const Result<std::optional<Shape>> made = card_shape(card_.input, input.dtype);
  if (!made)
    return with_context(made.error(),
                        "the card does not fit the model's input '" + input.name + "', " + engine::describe(input));
  const std::optional<Shape>& shape = *made;
  if (!shape) return {};
  if (!fits(input, *shape)) {
    return Error{Code::kInvalid, "the card makes " + to_string(*shape) + " of its input, but the model's input '" +
                                     input.name + "' is " + engine::describe(input) + ": correct the card's input"};
  }
  return {};
}

Status ModelCodec::check_labels() const {
  const engine::ValueInfo& output = outputs_.front();
  const Status good = output.known_shape ? arete::check_labels(card_.output, output.shape) : Status();
  return good ? good
              : with_context(good.error(), "the card does not fit the model's output '" + output.name + "', " +
                                               engine::describe(output));
}

std::vector<std::string> ModelCodec::notices(const std::vector<Tensor>& outputs) const {
  if (!classifies() || outputs.empty()) return {};
  const auto rows = classify(outputs.front(), card_.output.activation, two_classes(outputs.front()));
  if (!rows) return {rows.error().message};
  if (card_.output.activation != Activation::kNone || look_like_probabilities(*rows)) return {};
  return {"the output '" + outputs_.front().name +
          "' does not look like probabilities; "
          "if it holds logits, set the card's output activation to softmax or sigmoid"};
}

std::vector<NamedTensor> ModelCodec::zero_inputs() const {
  std::vector<NamedTensor> zeros;
  std::size_t bytes = 0;
  for (const engine::ValueInfo& input : inputs_) {
    Shape shape = input.shape;
    std::ranges::replace_if(shape, [](std::int64_t size) { return size < 0; }, 1);
    const Result<std::size_t> size = tensor_bytes(input.dtype, shape);
    if (!input.known_shape || !size || (bytes += *size) > kMaxWarmUpBytes) return {};
    Result<Tensor> tensor = Tensor::zeros(input.dtype, std::move(shape));
    if (!tensor) return {};
    zeros.push_back({input.name, std::move(*tensor)});
  }
  return zeros;
}

Error ModelCodec::other_kind(const std::string& given, const std::string& kind) const {
  const std::string fix = has_card_
                              ? "where that is what it wants, its card's input must say \"kind\": \"" + kind + "\""
                              : "to let it, " + std::string(kAddCard);
  return {Code::kUnsupported, "the model '" + name_ + "' does not take " + given + "; " + fix};
}

Result<NamedTensor> ModelCodec::image_input(std::span<const std::string_view> images) const {
  if (card_.input.kind != InputKind::kImage) return other_kind("an image", "image");
  const engine::ValueInfo& input = inputs_.front();
  ASSIGN_OR_RETURN(Shape shape, media::image_tensor_shape(card_.input, input.dtype));
  shape.front() = static_cast<std::int64_t>(images.size());
  ASSIGN_OR_RETURN(Tensor tensor, Tensor::zeros(input.dtype, std::move(shape)));
  const std::span<std::byte> slots = tensor.mutable_bytes();
  const std::size_t slot_bytes = images.empty() ? 0 : slots.size() / images.size();
  const Status decoded = scratches_->with([&](RequestScratch& scratch) -> Status {
    for (std::size_t i = 0; i < images.size(); ++i) {
      const Status status = media::decode_into(std::as_bytes(std::span(images[i])), card_.input, input.dtype,
                                               slots.subspan(i * slot_bytes, slot_bytes), &scratch.image);
      if (status) continue;
      return images.size() == 1 ? status : with_context(status.error(), "image " + std::to_string(i));
    }
    return {};
  });
  if (!decoded) return decoded.error();
  return as_input(input, std::move(tensor));
}

Result<NamedTensor> ModelCodec::record_input(const Json& record) const {
  if (card_.input.kind != InputKind::kRecord) return other_kind("a record", "record");
  ASSIGN_OR_RETURN(Tensor tensor, media::record_to_tensor(record, card_.input));
  return as_input(inputs_.front(), std::move(tensor));
}

bool ModelCodec::two_classes(const Tensor& output) const {
  const std::size_t labels = card_.output.labels.size();
  return (labels == 2 || labels == 0) && card_.output.activation != Activation::kSoftmax &&
         (output.shape().empty() || output.shape().back() == 1);
}

Result<std::vector<Json>> ModelCodec::predictions(const std::vector<Tensor>& outputs) const {
  if (!classifies() || outputs.empty()) {
    return Error{Code::kUnsupported, "the card of '" + name_ + "' does not say classification"};
  }
  ASSIGN_OR_RETURN(const std::vector<ClassScores> rows,
                   classify(outputs.front(), card_.output.activation, two_classes(outputs.front())));
  std::vector<Json> answers;
  if (rows.empty()) return answers;
  const std::size_t classes = rows.front().scores.size();
  const bool all_named = classes == labels_.size();
  const std::vector<std::string> other = all_named ? std::vector<std::string>() : unique_labels(labels_, classes);
  for (const ClassScores& row : rows) answers.push_back(to_json(row, all_named ? labels_ : other));
  return answers;
}

Result<Json> ModelCodec::outputs_json(const std::vector<Tensor>& outputs) const {
  Json all = Json::object();
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const std::string& output = outputs_[i].name;
    Result<Json> values = tensor_to_json(outputs[i]);
    if (!values) return with_context(std::move(values).error(), "output '" + output + "'");
    all.as_object().emplace_back(output, std::move(*values));
  }
  return all;
}

}  // namespace arete::serve
