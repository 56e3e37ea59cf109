// arete_optimize: a request of c_optimize.h put to the pipeline, and what came of it as its structs.
//
// Not for: the work itself (optimize/pipeline.h).
// Threads: one at a time, since latency is measured.
#pragma once

#include <optional>
#include <string>

#include "api/run/model.h"
#include "arete/c_optimize.h"
#include "core/model_card.h"

namespace arete::api {

struct CardFile {
  std::string path;
  ModelCard card;
};

// What the outside gives: see api/run/model.h.
struct Surroundings {
  const os::FileSystem& files;
  EngineMaker make_engine;
  // The card at card_path or, where that is "", the one beside the model; nothing when neither is there.
  Result<std::optional<CardFile>> (*read_card)(const std::string& card_path, const std::string& model_path);
};

arete_status* optimize(const Surroundings& surroundings, const arete_optimize_request* request,
                       arete_outcome** outcome) noexcept;

}  // namespace arete::api
