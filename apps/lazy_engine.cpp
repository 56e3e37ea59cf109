#include "apps/lazy_engine.h"

#include <mutex>
#include <utility>

namespace arete::apps {
namespace {

class LazyEngine final : public engine::Engine {
 public:
  explicit LazyEngine(EngineChoice choice) : choice_(std::move(choice)) {}

  std::string name() const override { return choice_.name; }
  std::string version() const override {
    const std::lock_guard lock(mutex_);
    return engine_ ? engine_->version() : "";
  }

  // The library is no model's: it is there before the first one is measured.
  std::uint64_t resident_bytes() const override {
    static_cast<void>(opened());
    return Engine::resident_bytes();
  }

  Result<std::unique_ptr<engine::Session>> open(const engine::ModelSource& source,
                                                const engine::SessionOptions& options) override {
    ASSIGN_OR_RETURN(engine::Engine* const engine, opened());
    return engine->open(source, options);
  }

 private:
  Result<engine::Engine*> opened() const {
    const std::lock_guard lock(mutex_);
    if (!engine_) {
      ASSIGN_OR_RETURN(engine_, make_engine(choice_));
    }
    return engine_.get();
  }

  const EngineChoice choice_;
  mutable std::mutex mutex_;
  mutable std::unique_ptr<engine::Engine> engine_;
};

}  // namespace

std::unique_ptr<engine::Engine> make_lazy_engine(const EngineChoice& choice) {
  return std::make_unique<LazyEngine>(choice);
}

}  // namespace arete::apps
