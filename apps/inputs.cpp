#include "apps/inputs.h"

#include "core/npy.h"
#include "os/base/files.h"

namespace arete::apps {
namespace {

constexpr std::uint64_t kMaxInputBytes = std::uint64_t{8} << 30;

// Empty: the argument is NAME=FILE.
std::string is_input(const std::string& argument) {
  const std::size_t equals = argument.find('=');
  return equals == std::string::npos || equals == 0 ? "'" + argument + "' must be NAME=FILE.npy" : "";
}

Result<NamedTensor> read_input(const std::string& argument) {
  const std::size_t equals = argument.find('=');
  const std::string path = argument.substr(equals + 1);
  ASSIGN_OR_RETURN(const std::string bytes, read_file(os::real_file_system(), path, kMaxInputBytes));
  Result<Tensor> tensor = parse_npy(std::as_bytes(std::span(bytes)));
  if (!tensor) return with_context(std::move(tensor).error(), path);
  return NamedTensor{argument.substr(0, equals), std::move(*tensor)};
}

}  // namespace

void add_input_option(CLI::App& app, std::vector<std::string>& inputs, const std::string& help) {
  app.add_option("--input", inputs, help)->check(is_input)->allow_extra_args(false);
}

Result<std::vector<NamedTensor>> read_inputs(std::span<const std::string> arguments) {
  std::vector<NamedTensor> inputs;
  for (const std::string& argument : arguments) {
    ASSIGN_OR_RETURN(NamedTensor input, read_input(argument));
    inputs.push_back(std::move(input));
  }
  return inputs;
}

}  // namespace arete::apps
