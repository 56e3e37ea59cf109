// ModelCodec: from the world to a model's inputs and from its outputs to answers, as its card says.
//
// Not for: running (batcher.h), HTTP (predict.h).
// Threads: const once made; every member function may be called from several threads.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "core/model_card.h"
#include "core/result.h"
#include "core/tensor.h"
#include "engine/engine.h"
#include "serve/request_scratch.h"

namespace arete::serve {

class ModelCodec {
 public:
  // Without a card one is guessed where the model looks like an image's. kInvalid: the card does not fit (names the
  // field, what it says and the model's), or the model has no inputs or outputs.
  static Result<ModelCodec> make(std::string name, std::optional<ModelCard> card, std::vector<engine::ValueInfo> inputs,
                                 std::vector<engine::ValueInfo> outputs);

  const std::string& name() const { return name_; }
  const ModelCard& card() const { return card_; }
  bool has_card() const { return has_card_; }
  const std::vector<engine::ValueInfo>& inputs() const { return inputs_; }
  const std::vector<engine::ValueInfo>& outputs() const { return outputs_; }
  bool classifies() const { return card_.output.kind == OutputKind::kClassification; }

  // What the operator should know about the card, a sentence each ("no card: ...").
  std::vector<std::string> notices() const;
  // The same about outputs that a run on zeros gave.
  std::vector<std::string> notices(const std::vector<Tensor>& outputs) const;
  // Zeros for every input, dynamic axes 1; nothing when that would be large or has no dtype for it.
  std::vector<NamedTensor> zero_inputs() const;

  // JPEGs or PNGs -> the first input, a row each, decoded into its place. kUnsupported when the card has no image input
  // (says how to add one); the errors of media::decode_into, naming the image where there are several.
  Result<NamedTensor> image_input(std::span<const std::string_view> images) const;
  // For who reads a request of this model.
  ScratchPool& scratches() const { return *scratches_; }
  // Named numbers -> the first input. kUnsupported when the card has no record input.
  Result<NamedTensor> record_input(const Json& record) const;

  // Prediction members ({"prediction", "confidence", "probabilities"}, one object a row) from the
  // first output; kUnsupported unless the card says classification.
  Result<std::vector<Json>> predictions(const std::vector<Tensor>& outputs) const;
  // {name: nested numbers} for all outputs.
  Result<Json> outputs_json(const std::vector<Tensor>& outputs) const;

 private:
  ModelCodec() = default;
  Status check_card() const;
  Status check_labels() const;
  Error other_kind(const std::string& given, const std::string& kind) const;
  bool two_classes(const Tensor& output) const;

  std::string name_;
  bool has_card_ = false;
  ModelCard card_;
  std::vector<engine::ValueInfo> inputs_;
  std::vector<engine::ValueInfo> outputs_;
  std::vector<std::string> labels_;  // the card's, made unique
  std::unique_ptr<ScratchPool> scratches_ = std::make_unique<ScratchPool>();
};

}  // namespace arete::serve
