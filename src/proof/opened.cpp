#include "proof/opened.h"

namespace arete::proof {

Result<Opened> open_measured(engine::Engine& engine, const engine::ModelSource& source,
                             const engine::SessionOptions& options, const os::Clock& clock) {
  const auto before_bytes = static_cast<std::int64_t>(engine.resident_bytes());
  const std::int64_t before_ns = clock.now_ns();
  Opened opened;
  ASSIGN_OR_RETURN(opened.session, engine.open(source, options));
  opened.load_ms = static_cast<double>(clock.now_ns() - before_ns) / 1e6;
  const auto after_bytes = static_cast<std::int64_t>(engine.resident_bytes());
  opened.resident_growth_bytes = after_bytes > before_bytes ? after_bytes - before_bytes : 0;
  return opened;
}

}  // namespace arete::proof
