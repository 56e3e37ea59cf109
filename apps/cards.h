// The model card that goes with a MODEL argument.
// Threads: pure but for the file it reads.
#pragma once

#include <optional>
#include <string>

#include "core/model_card.h"
#include "core/result.h"

namespace arete::apps {

// The card at `card_path` or, where that is "", NAME.card.json beside the model; nothing when neither is there.
Result<std::optional<ModelCard>> load_card(const std::string& card_path, const std::string& model_path);
// "dir/model.onnx" -> "dir/model.card.json"
std::string card_path_of(const std::string& model_path);

}  // namespace arete::apps
