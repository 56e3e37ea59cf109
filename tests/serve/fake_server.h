// FakeServer: a whole server without a socket, whose models are lambdas in a memory of files.
// Threads: files are written before anything is loaded; the rest as in the server.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/json.h"
#include "os/base/memory_files.h"
#include "serve/dispatcher.h"
#include "serve/model_table.h"
#include "serve/routes.h"
#include "tests/serve/fake_session.h"
#include "tests/support/assert.h"

namespace arete::test {

// A model's behaviour, under the content of its file.
struct FakeModel {
  std::vector<engine::ValueInfo> inputs;
  std::vector<engine::ValueInfo> outputs;
  FakeSession::Run run;
  bool concurrent = true;
};

class FakeEngine final : public engine::Engine {
 public:
  std::string name() const override { return "none"; }
  std::string version() const override { return "1"; }
  std::uint64_t resident_bytes() const override { return 0; }  // so that a model takes its file's bytes
  Result<std::unique_ptr<engine::Session>> open(const engine::ModelSource& source,
                                                const engine::SessionOptions& /*options*/) override {
    const auto found = models.find({reinterpret_cast<const char*>(source.bytes.view.data()), source.bytes.view.size()});
    if (found == models.end()) return Error{Code::kInvalid, "no model"};
    const FakeModel& model = found->second;
    return std::unique_ptr<engine::Session>(
        std::make_unique<FakeSession>(model.inputs, model.outputs, model.run, model.concurrent));
  }

  std::map<std::string, FakeModel> models;
};

class FakeServer {
 public:
  explicit FakeServer(serve::TableOptions options = {}, const serve::Limits& limits = {},
                      const serve::CacheOptions& caching = {})
      : options_(std::move(options)), limits_(limits), crew_(2, caching) {
    options_.repository = "repo";
    options_.say = [this](const std::string& sentence) {
      const std::lock_guard lock(mutex_);
      said_.push_back(sentence);
    };
  }

  // A version of a model in the repository. Its file says `content`, which is also the engine's name of it.
  void add(const std::string& name, const std::string& version, FakeModel model, const std::string& card = "") {
    const std::string folder = "repo/" + name + "/" + version + "/";
    const std::string content = name + ":" + version;
    engine_.models[content] = std::move(model);
    EXPECT_TRUE(os::write_text(files_, folder + "model.onnx", content));
    if (card.empty()) return;
    EXPECT_TRUE(os::write_text(files_, folder + "model.card.json", card));
  }

  // The table and what stands on it, made when it is first asked for.
  serve::Dispatcher& dispatcher() {
    if (table_) return *dispatcher_;
    table_.emplace(engine_, files_, crew_, options_);
    dispatcher_.emplace(*table_, crew_, limits_);
    EXPECT_TRUE(table_->scan());
    return *dispatcher_;
  }
  serve::ModelTable& table() { return dispatcher().table(); }
  void load(const std::string& name, const std::string& version = "") {
    const Status loaded = table().load(name, version);
    EXPECT_TRUE(loaded) << to_string(loaded.error());
  }

  os::HttpResponse ask(const std::string& method, const std::string& path, const std::string& body = "",
                       std::vector<std::pair<std::string, std::string>> headers = {}) {
    os::HttpRequest request;
    request.method = method;
    request.path = path;
    request.body = body;
    request.peer = "127.0.0.1";
    for (auto& [name, value] : headers) request.headers.add(name, value);
    if (routes_.empty()) routes_ = serve::make_routes(dispatcher(), "0.0.0");
    return os::answer(routes_, std::move(request));
  }
  Json ask_json(const std::string& method, const std::string& path, const std::string& body = "") {
    const os::HttpResponse response = ask(method, path, body);
    EXPECT_EQ(response.status, 200) << response.body;
    Result<Json> json = Json::parse(response.body);
    EXPECT_TRUE(json.has_value()) << response.body;
    return json ? std::move(*json) : Json();
  }

  std::vector<std::string> said() const {
    const std::lock_guard lock(mutex_);
    return said_;
  }
  serve::Crew& crew() { return crew_; }
  os::MemoryFileSystem& files() { return files_; }
  FakeEngine& engine() { return engine_; }

 private:
  FakeEngine engine_;
  os::MemoryFileSystem files_;
  mutable std::mutex mutex_;
  std::vector<std::string> said_;
  serve::TableOptions options_;
  serve::Limits limits_;
  serve::Crew crew_;
  std::optional<serve::ModelTable> table_;
  std::optional<serve::Dispatcher> dispatcher_;
  std::vector<os::Route> routes_;
};

}  // namespace arete::test
