// The table of engines that this program carries, and where their libraries are looked for.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "core/result.h"
#include "engine/engine.h"

namespace arete::apps {

std::span<const engine::EngineRow> all_engines();

// `library` is --engine-lib; "" looks in lib/ beside the program, then in ../lib/arete.
// kNotFound for an unknown name (the message lists those there are), kUnavailable without its library.
Result<std::unique_ptr<engine::Engine>> make_engine(const std::string& name, const std::string& library);

inline constexpr const char* kDefaultEngine = "onnxruntime";

}  // namespace arete::apps
