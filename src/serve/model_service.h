// ModelService: one model that answers: an open session, the card that says how the world becomes
// its inputs, and its name.
//
// Not for: HTTP (predict.h), several models, queues and batches (a batcher will stand between this
// and the session, as a session itself).
// Threads: const once made; every member function may be called from several threads. A session
// that is not concurrent is run by one at a time. Ownership: owns the session.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/model_card.h"
#include "core/result.h"
#include "core/tensor.h"
#include "engine/engine.h"

namespace arete::serve {

struct ModelSetup {
  std::string name;               // what /healthz says
  std::string engine;             // "onnxruntime 1.31.1"
  std::optional<ModelCard> card;  // nothing: guessed where the model looks like an image's
  std::unique_ptr<engine::Session> session;
};

class ModelService {
 public:
  // Checks the card against the model and runs it once on zeros, so that the first request is not
  // the slow one. kInvalid: the card does not fit (names the field, what it says and the model's).
  static Result<std::unique_ptr<ModelService>> make(ModelSetup setup);

  const std::string& name() const { return setup_.name; }
  const std::string& engine() const { return setup_.engine; }
  const ModelCard& card() const { return card_; }
  bool has_card() const { return setup_.card.has_value(); }
  const std::vector<engine::ValueInfo>& inputs() const { return setup_.session->inputs(); }
  const std::vector<engine::ValueInfo>& outputs() const { return setup_.session->outputs(); }
  // What the operator should know, a sentence each ("no card: ...").
  const std::vector<std::string>& notices() const { return notices_; }

  // JPEG or PNG bytes -> the first input. kUnsupported when the card has no image input (says how
  // to add one); the errors of media::decode_to_tensor.
  Result<NamedTensor> image_input(std::span<const std::byte> bytes) const;
  // Named numbers -> the first input. kUnsupported when the card has no record input.
  Result<NamedTensor> record_input(const Json& record) const;

  // One run; blocks. The errors of Session::run.
  Result<std::vector<Tensor>> run(std::span<const NamedTensor> inputs) const;

  // Prediction members ({"prediction", "confidence", "probabilities"}, one object a row) from the
  // first output; kUnsupported unless the card says classification.
  Result<std::vector<Json>> predictions(const std::vector<Tensor>& outputs) const;
  // {name: nested numbers} for all outputs.
  Result<Json> outputs_json(const std::vector<Tensor>& outputs) const;

 private:
  explicit ModelService(ModelSetup setup) : setup_(std::move(setup)) {}
  Status check_card() const;
  Status check_labels() const;
  Error other_kind(const std::string& given, const std::string& kind) const;
  bool two_classes(const Tensor& output) const;
  void warm_up();

  ModelSetup setup_;
  ModelCard card_;
  std::vector<std::string> labels_;  // the card's, made unique
  std::vector<std::string> notices_;
  mutable std::mutex one_at_a_time_;  // for sessions that are not concurrent
};

}  // namespace arete::serve
