#include "apps/cards.h"

#include "os/base/files.h"

namespace arete::apps {

std::string card_path_of(const std::string& model_path) {
  return os::join_path(os::folder_of(model_path), os::stem_of(model_path) + ".card.json");
}

Result<std::optional<ModelCard>> load_card(const std::string& card_path, const std::string& model_path) {
  constexpr std::uint64_t kMaxCardBytes = std::uint64_t{64} << 20;
  const std::string path = card_path.empty() ? card_path_of(model_path) : card_path;
  Result<std::string> text = read_file(os::real_file_system(), path, kMaxCardBytes);
  if (!text && text.error().code == Code::kNotFound && card_path.empty()) return std::optional<ModelCard>();
  if (!text) return std::move(text).error();
  Result<Json> json = Json::parse(*text);
  if (!json) return with_context(std::move(json).error(), path);
  Result<ModelCard> card = parse_card(*json);
  if (!card) return with_context(std::move(card).error(), path);
  return std::optional<ModelCard>(std::move(*card));
}

}  // namespace arete::apps
