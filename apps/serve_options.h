// What `arete serve` takes on its command line, and what is made of it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "apps/bundle_choice.h"
#include "apps/cli.h"
#include "apps/engines.h"
#include "apps/serve_door.h"
#include "apps/serve_grpc.h"
#include "core/result.h"
#include "serve/limits.h"
#include "serve/model_table.h"

namespace arete::apps {

struct ServeArguments {
  std::vector<std::string> models;  // PATH, NAME=PATH, NAME:VERSION=PATH
  std::string repository;
  std::string card;
  BundleChoice bundle;
  EngineChoice engine;
  bool isolate = false;
  DoorArguments door;
  GrpcArguments grpc;
  int runs = 0;
  std::int64_t max_batch = 8;
  double max_delay_ms = 0;
  double max_wait_ms = 2000;
  double batch_tolerance = 0;
  std::vector<std::string> split;   // [NAME:]v1=90,v2=10
  std::vector<std::string> shadow;  // [NAME:]v2
  std::uint64_t max_model_bytes = 0;
  std::size_t cache_bytes = 0;
  double cache_seconds = 60;
  serve::Limits limits;
};

void declare(CLI::App& app, ServeArguments& arguments);

// kInvalid for traffic rules that are none.
Result<serve::TableOptions> table_options(const ServeArguments& arguments);
serve::CacheOptions cache_options(const ServeArguments& arguments);

// "fashion, resnet" for people; at most a few names.
std::string names_of(const serve::ModelTable& table);
// A sentence for the operator, on stderr.
void tell(const std::string& sentence);

}  // namespace arete::apps
