// The options that choose an engine of the table (engine_table.h), and where a program looks for its library.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "apps/cli.h"
#include "apps/engine_table.h"
#include "core/result.h"
#include "engine/engine.h"

namespace arete::apps {

struct EngineChoice {
  std::string name = kDefaultEngine;
  std::string library;  // "" looks in lib/ beside the program, then in ../lib/arete
  int threads = 0;      // 0: all physical cores
};

// --engine, --engine-lib and --threads. `with_auto`: the tuner's choice may be asked for too.
void add_engine_options(CLI::App& app, EngineChoice& choice, bool with_auto = false);

// Where the choice's library may lie.
Result<engine::EngineOptions> engine_options(const EngineChoice& choice);
// kUnavailable without the engine's library.
Result<std::unique_ptr<engine::Engine>> make_engine(const EngineChoice& choice);

}  // namespace arete::apps
