// Tensors on the command line: --input NAME=FILE.npy, once for each of a model's inputs.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "apps/cli.h"
#include "core/result.h"
#include "core/tensor.h"

namespace arete::apps {

void add_input_option(CLI::App& app, std::vector<std::string>& inputs, const std::string& help);

// Errors begin with the file's path.
Result<std::vector<NamedTensor>> read_inputs(std::span<const std::string> arguments);

}  // namespace arete::apps
