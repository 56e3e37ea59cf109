// ModelTable: the models that a server knows, and which version of each answers.
//
// A version that is loaded proves itself first (ServedModel::open); then new requests go to it, those under way finish
// on the old one, and its memory goes back with the last of them. What fails to load changes nothing.
// Over the memory ceiling the models that were asked for least lately are put to sleep; they wake when they are asked.
// Threads: any; pick() takes a shared lock for a moment, load() blocks for the load. Ownership: borrows engine, files
// and crew.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "engine/engine.h"
#include "os/base/files.h"
#include "serve/crew.h"
#include "serve/model_places.h"
#include "serve/served_model.h"

namespace arete::serve {

// How requests for a model that name no version are shared among its versions. Empty: the newest answers.
struct Traffic {
  struct Share {
    std::string version;
    int weight = 0;
  };
  std::vector<Share> split;
  std::string shadow;  // also runs what the others answer, and its answers are only compared
};

// "v1=90,v2=10" (or "1=90,2=10") -> shares; kInvalid.
Result<std::vector<Traffic::Share>> parse_split(std::string_view text);

struct TableOptions {
  std::string repository;  // a folder; "": only the places given
  ServingOptions serving;
  std::map<std::string, Traffic> traffic;                     // by model; "" for every model without a row of its own
  std::uint64_t max_model_bytes = 0;                          // of all models together; 0: no ceiling
  std::function<void(const std::string& sentence)> say = {};  // for the operator; from any thread
};

enum class ModelState : std::uint8_t { kReady, kLoading, kUnavailable };
std::string_view name_of(ModelState state);  // as the protocol writes it

struct ModelRow {
  std::string name;
  std::string version;
  ModelState state = ModelState::kUnavailable;
  std::string reason;
};

// Who answers a request, and who runs it as well for comparison.
struct Pick {
  std::shared_ptr<const ServedModel> model;
  std::shared_ptr<const ServedModel> shadow;  // or nothing
};

class ModelTable {
 public:
  ModelTable(engine::Engine& engine, const os::FileSystem& files, Crew& crew, TableOptions options);
  ~ModelTable();

  // A model from outside a repository. kConflict when the version is there already.
  Status add(const ModelPlace& place);
  // Models of the repository that are not in the table yet; loads none.
  Status scan();

  // Loads a version and lets it answer in place of the one before; "" for the newest that the repository has now.
  // kNotFound, what opening it says, kExhausted when it cannot fit below the ceiling.
  Status load(const std::string& name, const std::string& version = "");
  // A model or, with a version, that one alone. kNotFound when it is not loaded.
  Status unload(const std::string& name, const std::string& version = "");

  // kNotFound: no such model; kUnavailable: it is not loaded, or sleeps (see is_asleep).
  Result<Pick> pick(std::string_view name, std::string_view version = "") const;
  // True when pick() refuses only until wake() was called.
  bool is_asleep(std::string_view name) const;
  // pick(), once the version is loaded again that answered before the model was put to sleep. Blocks for that.
  Result<Pick> wake(const std::string& name, std::string_view version);
  // The model that is meant when a request names none: the only one, else the first that was added. A folder without a
  // model is none.
  std::string default_name() const;

  std::vector<ModelRow> rows() const;
  std::vector<std::shared_ptr<const ServedModel>> ready() const;
  // False while a model that was there at the start loads, or when it failed to. What somebody unloaded, or put into
  // the repository and never loaded, is not waited for.
  bool all_ready() const;

 private:
  struct Version {
    ModelPlace place;
    std::shared_ptr<const ServedModel> model;  // when it is ready
    ModelState state = ModelState::kUnavailable;
    std::string reason;
  };
  struct Entry {
    std::map<std::string, Version, decltype(&is_older)> versions{&is_older};
    std::string serving;  // the version that answers; "" none
    Traffic traffic;
    std::string reason;     // why it has no versions
    bool expected = false;  // the server is not ready without it
    bool asleep = false;
    mutable std::atomic<std::uint32_t> turn{0};
    std::mutex loading;  // one load or unload at a time
  };

  Entry* find(std::string_view name) const;  // takes the lock; entries stay where they are for ever
  Entry& find_or_add(const std::string& name);
  Status refresh(const std::string& name, Entry& entry);
  void look_at_bundles(Entry& entry);
  Status load_if_asleep(const std::string& name);
  Status load_locked(const std::string& name, Entry& entry, const std::string& version);
  Status load_version(const std::string& name, Entry& entry, const std::string& version);
  Status make_room(std::uint64_t bytes, const std::string& for_name);
  bool put_to_sleep_oldest(const std::string& except);
  std::uint64_t loaded_bytes(std::string_view name = "") const;
  void start_proof(const std::shared_ptr<const ServedModel>& model);
  static bool may_serve(const Entry& entry, const std::string& version);
  static std::vector<std::string> wanted_versions(const Entry& entry, const std::string& newest);
  std::shared_ptr<const ServedModel> share_of(const Entry& entry) const;
  void note_models();
  void say(const std::string& sentence) const;

  engine::Engine& engine_;
  const os::FileSystem& files_;
  Crew& crew_;
  const TableOptions options_;

  std::atomic<bool> scanned_{false};
  std::mutex making_room_;           // below a ceiling; taken before mutex_
  mutable std::shared_mutex mutex_;  // of everything below, and of entries' members but `loading`
  std::map<std::string, std::unique_ptr<Entry>, std::less<>> entries_;
  std::vector<std::string> added_;  // in that order
};

}  // namespace arete::serve
