// Opening a MODEL argument of the command line, an .onnx or a bundle, as a graph or for an engine.
// Threads: one.
#pragma once

#include <memory>
#include <string>

#include "apps/bundle_choice.h"
#include "apps/cli.h"
#include "apps/engines.h"
#include "bundle/files/bundle_files.h"
#include "core/result.h"
#include "engine/engine.h"
#include "graph/onnx_io.h"
#include "proof/opened.h"

namespace arete::apps {

// What the verbs that take a bundle for a MODEL say of it.
inline constexpr const char* kModelHelp = "an .onnx file or a bundle";

// A model's file, and where it and its external data are read.
struct FoundModel {
  std::string path;                                        // in a bundle: with the bundle's path before it
  std::unique_ptr<const bundle::BundleFiles> bundle = {};  // nothing: the system's files
  const bundle::Variant* variant = nullptr;                // of the bundle
  bool is_sealed = false;                                  // a bundle whose content is not for everybody

  const os::FileSystem& files() const;
};

// What MODEL means. Of a bundle the variant that is chosen, or where none is the first for this platform, else for any,
// whose engine is in the table; `choice` (optional) becomes that engine. Errors begin with the path; kInvalid for a
// variant of what is no bundle.
Result<FoundModel> find_model(const std::string& path, const BundleChoice& bundle, EngineChoice* choice = nullptr);

// Reads, sorts and verifies; errors begin with the path. External data may lie in the model's folder.
Result<graph::ReadModel> read_model(const FoundModel& model);

// The same, and of a text graph too (graph/text.h).
Result<graph::ReadModel> read_graph(const FoundModel& model);

// Opened and timed. Call read_model() first: its errors name cause and fix where the engine's may name neither.
Result<proof::Opened> open_session(engine::Engine& engine, const FoundModel& model, int threads);

}  // namespace arete::apps
