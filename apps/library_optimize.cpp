// The last link step of libarete alone: hands engines, files and cards to the room api.
#include "api/info.h"
#include "api/optimize.h"
#include "apps/cards.h"
#include "apps/library.h"
#include "os/base/files.h"

namespace arete::apps {
namespace {

Result<std::optional<api::CardFile>> read_card(const std::string& card_path, const std::string& model_path) {
  ASSIGN_OR_RETURN(std::optional<ModelCard> card, load_card(card_path, model_path));
  if (!card) return std::optional<api::CardFile>();
  return std::optional<api::CardFile>({card_path.empty() ? card_path_of(model_path) : card_path, std::move(*card)});
}

}  // namespace
}  // namespace arete::apps

extern "C" {

arete_status* arete_info_read(const char* path, arete_info** info) noexcept {
  return arete::api::read_info(arete::os::real_file_system(), path, info);
}

arete_status* arete_optimize(const arete_optimize_request* request, arete_outcome** outcome) noexcept {
  const arete::api::Surroundings surroundings{arete::os::real_file_system(), arete::apps::make_library_engine,
                                              arete::apps::read_card};
  return arete::api::optimize(surroundings, request, outcome);
}

}  // extern "C"
