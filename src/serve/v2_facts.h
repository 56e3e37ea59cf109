// What the Open Inference Protocol tells of a server, its models and their repository, and what it lets happen to them:
// the same for every door.
//
// The values are the protocol's own JSON, which its messages map to field by field. Not for: inference.
// Threads: any. v2_load() blocks for the load. Spec: as v2_message.h.
#pragma once

#include <string>
#include <string_view>

#include "core/json.h"
#include "core/result.h"
#include "serve/model_table.h"
#include "serve/v2_json.h"

namespace arete::serve {

// `version` is the program's.
Json v2_server_metadata(const std::string& version);

// Whether it would answer, also where it has to be loaded again for that. kNotFound: no such model or version.
Result<bool> v2_model_ready(const ModelTable& table, std::string_view name, std::string_view version);

// These have the errors of ModelTable::pick; `version` "" is the one that answers.
Result<Json> v2_model_metadata(const ModelTable& table, std::string_view name, std::string_view version);
// What Triton's clients read of a model's configuration.
Result<Json> v2_model_config(const ModelTable& table, std::string_view name, std::string_view version);
// Of all loaded models where `name` is "", of all loaded versions where `version` is.
Result<Json> v2_statistics(const ModelTable& table, std::string_view name, std::string_view version);

// A list of {"name","version","state","reason"}. Looks for models that are new in the repository; kIo.
Result<Json> v2_repository_index(ModelTable& table, bool ready_only);
// The errors of ModelTable::load; kUnsupported for a parameter other than "version": nothing from outside the
// repository is loaded.
Status v2_load(ModelTable& table, const std::string& name, const V2Parameters& parameters);
Status v2_unload(ModelTable& table, const std::string& name, const V2Parameters& parameters);

}  // namespace arete::serve
