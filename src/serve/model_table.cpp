#include "serve/model_table.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <numeric>

#include "os/base/machine.h"

namespace arete::serve {
namespace {

constexpr int kMaxWeight = 1'000'000;
constexpr int kMostWakes = 16;  // for one request

Error no_model(std::string_view name) {
  return {Code::kNotFound, "there is no model '" + std::string(name) + "'; GET /v2/repository/index lists them"};
}

Error no_version(std::string_view name, std::string_view version) {
  return {Code::kNotFound, "the model '" + std::string(name) + "' has no version '" + std::string(version) + "'"};
}

std::string label_of(const std::string& name, const std::string& version) {
  return "model '" + name + "' version " + version;
}

// "v2" names version 2, unless there is one that is called "v2".
template <class Versions>
auto find_version(Versions& versions, const std::string& name) {
  const auto found = versions.find(name);
  if (found != versions.end() || name.size() < 2 || name.front() != 'v') return found;
  return versions.find(name.substr(1));
}

}  // namespace

std::string_view name_of(ModelState state) {
  if (state == ModelState::kReady) return "READY";
  return state == ModelState::kLoading ? "LOADING" : "UNAVAILABLE";
}

Result<std::vector<Traffic::Share>> parse_split(std::string_view text) {
  std::vector<Traffic::Share> shares;
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::string_view part = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
    const std::size_t equals = std::min(part.find('='), part.size());
    const std::string_view number = part.substr(std::min(equals + 1, part.size()));
    int weight = -1;
    const auto [end, failure] = std::from_chars(number.data(), number.data() + number.size(), weight);
    const bool whole = failure == std::errc() && end == number.data() + number.size();
    if (equals == 0 || !whole || weight < 0 || weight > kMaxWeight) {
      return Error{Code::kInvalid, "'" + std::string(text) + "' is no list VERSION=WEIGHT,..., as v1=90,v2=10"};
    }
    shares.push_back({std::string(part.substr(0, equals)), weight});
  }
  const auto total = std::accumulate(shares.begin(), shares.end(), std::int64_t{0},
                                     [](std::int64_t sum, const Traffic::Share& share) { return sum + share.weight; });
  if (total <= 0) return Error{Code::kInvalid, "the weights in '" + std::string(text) + "' are all 0"};
  return shares;
}

ModelTable::ModelTable(engine::Engine& engine, const os::FileSystem& files, Crew& crew, TableOptions options)
    : engine_(engine), files_(files), crew_(crew), options_(std::move(options)) {}

ModelTable::~ModelTable() {
  for (const std::shared_ptr<const ServedModel>& model : ready()) model->end_proof();
}

void ModelTable::say(const std::string& sentence) const {
  if (options_.say) options_.say(sentence);
}

// ---- What there is ----

ModelTable::Entry* ModelTable::find(std::string_view name) const {
  const std::shared_lock lock(mutex_);
  const auto found = entries_.find(name);
  return found == entries_.end() ? nullptr : found->second.get();
}

ModelTable::Entry& ModelTable::find_or_add(const std::string& name) {
  const std::unique_lock lock(mutex_);
  std::unique_ptr<Entry>& entry = entries_[name];
  if (entry) return *entry;
  entry = std::make_unique<Entry>();
  added_.push_back(name);
  auto traffic = options_.traffic.find(name);
  if (traffic == options_.traffic.end()) traffic = options_.traffic.find("");
  if (traffic != options_.traffic.end()) entry->traffic = traffic->second;
  return *entry;
}

Status ModelTable::add(const ModelPlace& place) {
  Entry& entry = find_or_add(place.name);
  const std::unique_lock lock(mutex_);
  const auto [at, fresh] = entry.versions.emplace(place.version, Version{});
  if (!fresh) return Error{Code::kConflict, label_of(place.name, place.version) + " is given twice"};
  at->second.place = place;
  at->second.reason = "not loaded yet";
  entry.expected = true;
  return {};
}

Status ModelTable::scan() {
  if (options_.repository.empty()) return {};
  ASSIGN_OR_RETURN(const std::vector<std::string> names, list_models(files_, options_.repository));
  const bool at_start = !scanned_.exchange(true);
  for (const std::string& name : names) {
    if (find(name)) continue;
    Entry& entry = find_or_add(name);
    const Status listed = refresh(name, entry);
    const bool has_model = listed || listed.error().code != Code::kNotFound;
    const std::unique_lock lock(mutex_);
    if (at_start && has_model) entry.expected = true;
  }
  return {};
}

// A bundle that was put in the place of another is another version: that one is there from now on, and the one before
// only where it is loaded. One that cannot be read is told of when it is loaded. With entry.loading held.
void ModelTable::look_at_bundles(Entry& entry) {
  std::vector<ModelPlace> places;
  {
    const std::shared_lock lock(mutex_);
    for (const auto& [version, row] : entry.versions) {
      if (row.place.has_bundle_version) places.push_back(row.place);
    }
  }
  for (const ModelPlace& before : places) {
    Result<ModelPlace> now = looked_at_again(files_, before);
    if (!now || now->version == before.version) continue;
    const std::unique_lock lock(mutex_);
    if (!entry.versions.at(before.version).model) {
      entry.versions.erase(before.version);
      if (entry.serving == before.version) entry.serving = now->version;
    }
    Version& row = entry.versions[now->version];
    if (row.reason.empty() && !row.model) row.reason = "not loaded";
    row.place = std::move(*now);
  }
}

// Versions that appeared in the repository since it was looked at; those that went stay as they are.
Status ModelTable::refresh(const std::string& name, Entry& entry) {
  look_at_bundles(entry);
  if (options_.repository.empty()) return {};
  Result<std::vector<ModelPlace>> places = list_versions(files_, options_.repository, name);
  const std::unique_lock lock(mutex_);
  if (!places) {
    // A model that was named on the command line needs no repository.
    if (places.error().code == Code::kNotFound && !entry.versions.empty()) return {};
    entry.reason = places.error().message;
    return std::move(places).error();
  }
  for (ModelPlace& place : *places) {
    Version& version = entry.versions[place.version];
    if (version.reason.empty() && !version.model) version.reason = "not loaded";
    version.place = std::move(place);
  }
  return {};
}

// ---- Loading ----

// Whether requests that name no version may go to this one.
bool ModelTable::may_serve(const Entry& entry, const std::string& version) {
  const auto is_it = [&](const std::string& name) {
    const auto found = find_version(entry.versions, name);
    return found != entry.versions.end() && found->first == version;
  };
  if (entry.traffic.split.empty()) return !is_it(entry.traffic.shadow);
  return std::ranges::any_of(entry.traffic.split, is_it, &Traffic::Share::version);
}

// Versions that shall be loaded when `newest` serves.
std::vector<std::string> ModelTable::wanted_versions(const Entry& entry, const std::string& newest) {
  std::vector<std::string> wanted;
  const auto want = [&](const std::string& name) {
    const auto found = find_version(entry.versions, name);
    const std::string& version = found == entry.versions.end() ? name : found->first;
    if (std::ranges::find(wanted, version) == wanted.end()) wanted.push_back(version);
  };
  for (const Traffic::Share& share : entry.traffic.split) want(share.version);
  if (!entry.traffic.shadow.empty()) want(entry.traffic.shadow);
  // The shadow answers nobody: beside it stands the newest other one.
  if (entry.traffic.split.empty()) want(newest);
  return wanted;
}

Status ModelTable::load(const std::string& name, const std::string& version) {
  Entry* entry = find(name);
  if (!entry && options_.repository.empty()) return no_model(name);
  if (!entry) {
    ASSIGN_OR_RETURN(const std::vector<ModelPlace> places, list_versions(files_, options_.repository, name));
    entry = &find_or_add(name);
  }
  const std::lock_guard loading(entry->loading);
  return load_locked(name, *entry, version);
}

Result<Pick> ModelTable::wake(const std::string& name, std::string_view version) {
  for (int attempt = 1;; ++attempt) {
    RETURN_IF_ERROR(load_if_asleep(name));
    Result<Pick> picked = pick(name, version);
    if (picked || attempt == kMostWakes) return picked;
    // Others may have needed its room since, and others may have woken it again.
    if (!is_asleep(name)) return pick(name, version);
  }
}

Status ModelTable::load_if_asleep(const std::string& name) {
  Entry* const entry = find(name);
  if (!entry) return no_model(name);
  const std::lock_guard loading(entry->loading);
  look_at_bundles(*entry);
  std::string version;
  {
    const std::shared_lock lock(mutex_);
    if (!entry->asleep) return {};  // another request woke it
    version = entry->serving;
  }
  return load_locked(name, *entry, version);
}

// With entry.loading held.
Status ModelTable::load_locked(const std::string& name, Entry& entry, const std::string& version) {
  RETURN_IF_ERROR(refresh(name, entry));
  std::string target;
  std::vector<std::string> others;
  {
    const std::shared_lock lock(mutex_);
    if (entry.versions.empty()) return no_model(name);
    const auto newest = std::ranges::find_if(entry.versions.rbegin(), entry.versions.rend(),
                                             [&](const auto& row) { return may_serve(entry, row.first); });
    const auto found = version.empty() ? entry.versions.end() : find_version(entry.versions, version);
    if (!version.empty() && found == entry.versions.end()) return no_version(name, version);
    target = version.empty() ? (newest == entry.versions.rend() ? entry.versions.begin()->first : newest->first)
                             : found->first;
    for (const std::string& wanted : wanted_versions(entry, target)) {
      const auto row = entry.versions.find(wanted);
      if (row == entry.versions.end()) return no_version(name, wanted);
      if (wanted != target && !row->second.model) others.push_back(wanted);
    }
  }
  for (const std::string& other : others) RETURN_IF_ERROR(load_version(name, entry, other));
  return load_version(name, entry, target);
}

// The new version is whole and has proven itself before anybody is sent to it; from the swap on nobody new is sent to
// the old one.
Status ModelTable::load_version(const std::string& name, Entry& entry, const std::string& version) {
  ModelPlace place;
  {
    const std::unique_lock lock(mutex_);
    Version& row = entry.versions.at(version);
    place = row.place;
    if (!row.model) row.state = ModelState::kLoading;
    row.reason = row.model ? "" : "it is loading";
  }
  // Two that looked for room at once would both find it.
  std::unique_lock<std::mutex> alone;
  if (options_.max_model_bytes > 0) alone = std::unique_lock(making_room_);
  const Result<PlaceFiles> found =
      PlaceFiles::open(files_, place, {engine_.name(), options_.serving.variant, &options_.serving.keys});
  const Result<std::uint64_t> bytes = found ? found->model_bytes() : Result<std::uint64_t>(found.error());
  Status room = bytes ? make_room(*bytes, name) : Status(bytes.error());
  Result<std::shared_ptr<const ServedModel>> opened =
      room ? ServedModel::open(place, *found, engine_, options_.serving, crew_)
           : Result<std::shared_ptr<const ServedModel>>(room.error());
  // Now it is known what it takes, which is more than its file.
  if (opened) room = make_room((*opened)->bytes(), name);
  if (opened && !room) opened = room.error();
  std::vector<std::shared_ptr<const ServedModel>> retired;
  {
    const std::unique_lock lock(mutex_);
    Version& row = entry.versions.at(version);
    if (!opened) {
      if (!row.model) row.state = ModelState::kUnavailable;
      row.reason = opened.error().message;
    } else {
      if (row.model) retired.push_back(std::move(row.model));
      row.model = *opened;
      row.state = ModelState::kReady;
      entry.expected = true;
      row.reason.clear();
      if (may_serve(entry, version) || entry.serving.empty()) entry.serving = version;
      entry.asleep = false;
      const std::vector<std::string> wanted = wanted_versions(entry, entry.serving);
      for (auto& [other, old] : entry.versions) {
        // One that was asked for beside a split answers who names it.
        if (!old.model || other == version || std::ranges::find(wanted, other) != wanted.end()) continue;
        retired.push_back(std::move(old.model));
        old.model = nullptr;
        old.state = ModelState::kUnavailable;
        old.reason = "replaced by version " + version;
      }
    }
  }
  crew_.metrics.count_load(!opened ? "refused" : retired.empty() ? "loaded" : "swapped");
  note_models();
  if (!opened) return std::move(opened).error();
  for (const std::string& notice : (*opened)->notices()) say(label_of(name, version) + ": " + notice);
  for (const std::shared_ptr<const ServedModel>& old : retired) old->end_proof();
  start_proof(*opened);
  return {};
}

void ModelTable::start_proof(const std::shared_ptr<const ServedModel>& model) {
  if (options_.serving.max_rows <= 1) return;
  const auto prove = [weak = std::weak_ptr<const ServedModel>(model), tell = options_.say] {
    const std::shared_ptr<const ServedModel> model = weak.lock();
    if (!model) return;
    const proof::BatchVerdict verdict = model->prove_batches();
    if (!tell) return;
    const std::string outcome =
        verdict.max_rows > 1 ? "up to " + std::to_string(verdict.max_rows) + " rows run together" : "no batching";
    tell(label_of(model->name(), model->version()) + ": " + outcome + ": " + verdict.why);
  };
  static_cast<void>(crew_.proofs.try_run(prove));  // else it goes on without batches
}

Status ModelTable::unload(const std::string& name, const std::string& version) {
  Entry* const entry = find(name);
  if (!entry) return no_model(name);
  const std::lock_guard loading(entry->loading);
  std::vector<std::shared_ptr<const ServedModel>> retired;
  bool slept = false;
  {
    const std::unique_lock lock(mutex_);
    for (auto& [other, row] : entry->versions) {
      const bool sleeps = entry->asleep && entry->serving == other;
      if ((!row.model && !sleeps) || (!version.empty() && other != version)) continue;
      slept = slept || sleeps;
      if (row.model) retired.push_back(std::move(row.model));
      row.model = nullptr;
      row.state = ModelState::kUnavailable;
      row.reason = "unloaded";
      if (entry->serving == other) entry->serving.clear();
    }
    // Another version that is loaded goes on answering.
    for (const auto& [other, row] : entry->versions) {
      if (entry->serving.empty() && row.model) entry->serving = other;
    }
    if (entry->serving.empty()) entry->asleep = entry->expected = false;
  }
  if (retired.empty() && !slept) return Error{Code::kNotFound, "the model '" + name + "' is not loaded"};
  for (const std::shared_ptr<const ServedModel>& old : retired) old->end_proof();
  crew_.metrics.count_load("unloaded");
  retired.clear();
  note_models();
  return {};
}

// ---- The ceiling ----

std::uint64_t ModelTable::loaded_bytes(std::string_view name) const {
  std::uint64_t bytes = 0;
  for (const std::shared_ptr<const ServedModel>& model : ready()) {
    if (name.empty() || model->name() == name) bytes += model->bytes();
  }
  return bytes;
}

Status ModelTable::make_room(std::uint64_t bytes, const std::string& for_name) {
  const std::uint64_t ceiling = options_.max_model_bytes;
  if (ceiling == 0) return {};
  // What would not fit even alone puts nobody to sleep; the model's other versions stay where they are.
  const bool fits = bytes <= ceiling && loaded_bytes(for_name) <= ceiling - bytes;
  while (loaded_bytes() + bytes > ceiling) {
    if (fits && put_to_sleep_oldest(for_name)) continue;
    return Error{Code::kExhausted, "the model needs " + std::to_string(bytes) +
                                       " bytes, over what is left of the ceiling of " + std::to_string(ceiling) +
                                       " for all models"};
  }
  return {};
}

bool ModelTable::put_to_sleep_oldest(const std::string& except) {
  std::vector<std::shared_ptr<const ServedModel>> retired;
  {
    const std::unique_lock lock(mutex_);
    Entry* oldest = nullptr;
    std::int64_t least = std::numeric_limits<std::int64_t>::max();
    for (const auto& [name, entry] : entries_) {
      if (name == except) continue;
      std::int64_t last = std::numeric_limits<std::int64_t>::min();
      for (const auto& [version, row] : entry->versions) {
        if (row.model) last = std::max(last, row.model->last_used_ns());
      }
      const bool loaded = last != std::numeric_limits<std::int64_t>::min();
      if (!loaded || last >= least) continue;
      least = last;
      oldest = entry.get();
    }
    if (oldest == nullptr) return false;
    for (auto& [version, row] : oldest->versions) {
      if (!row.model) continue;
      retired.push_back(std::move(row.model));
      row.model = nullptr;
      row.state = ModelState::kUnavailable;
      row.reason = "asleep to make room; it wakes when it is asked";
    }
    oldest->asleep = true;
  }
  for (const std::shared_ptr<const ServedModel>& old : retired) old->end_proof();
  crew_.metrics.count_load("evicted");
  return true;
}

// ---- Who answers ----

std::shared_ptr<const ServedModel> ModelTable::share_of(const Entry& entry) const {
  const std::vector<Traffic::Share>& split = entry.traffic.split;
  const int total = std::accumulate(split.begin(), split.end(), 0,
                                    [](int sum, const Traffic::Share& share) { return sum + share.weight; });
  int at = static_cast<int>(entry.turn.fetch_add(1, std::memory_order_relaxed) %
                            static_cast<std::uint32_t>(std::max(1, total)));
  for (const Traffic::Share& share : split) {
    at -= share.weight;
    if (at >= 0) continue;
    const auto found = find_version(entry.versions, share.version);
    if (found != entry.versions.end() && found->second.model) return found->second.model;
    break;
  }
  const auto serving = entry.versions.find(entry.serving);
  return serving == entry.versions.end() ? nullptr : serving->second.model;
}

Result<Pick> ModelTable::pick(std::string_view name, std::string_view version) const {
  const std::shared_lock lock(mutex_);
  const auto found = entries_.find(name);
  if (found == entries_.end()) return no_model(name);
  const Entry& entry = *found->second;
  Pick picked;
  if (version.empty()) {
    picked.model = share_of(entry);
    const auto shadow = find_version(entry.versions, entry.traffic.shadow);
    if (shadow != entry.versions.end() && shadow->second.model != picked.model) picked.shadow = shadow->second.model;
    if (picked.model) return picked;
    const auto newest = entry.versions.rbegin();
    const std::string why = newest == entry.versions.rend() ? entry.reason : newest->second.reason;
    return Error{Code::kUnavailable, "the model '" + std::string(name) + "' is not ready: " + why};
  }
  const auto row = find_version(entry.versions, std::string(version));
  if (row == entry.versions.end()) return no_version(name, version);
  picked.model = row->second.model;
  if (picked.model) return picked;
  return Error{Code::kUnavailable, label_of(std::string(name), row->first) + " is not ready: " + row->second.reason};
}

bool ModelTable::is_asleep(std::string_view name) const {
  const std::shared_lock lock(mutex_);
  const auto found = entries_.find(name);
  return found != entries_.end() && found->second->asleep;
}

std::string ModelTable::default_name() const {
  const std::shared_lock lock(mutex_);
  for (const std::string& name : added_) {
    if (!entries_.at(name)->versions.empty()) return name;
  }
  return "";
}

std::vector<ModelRow> ModelTable::rows() const {
  const std::shared_lock lock(mutex_);
  std::vector<ModelRow> rows;
  for (const auto& [name, entry] : entries_) {
    for (const auto& [version, row] : entry->versions) rows.push_back({name, version, row.state, row.reason});
    if (entry->versions.empty()) rows.push_back({name, "", ModelState::kUnavailable, entry->reason});
  }
  return rows;
}

std::vector<std::shared_ptr<const ServedModel>> ModelTable::ready() const {
  const std::shared_lock lock(mutex_);
  std::vector<std::shared_ptr<const ServedModel>> models;
  for (const auto& [name, entry] : entries_) {
    for (const auto& [version, row] : entry->versions) {
      if (row.model) models.push_back(row.model);
    }
  }
  return models;
}

bool ModelTable::all_ready() const {
  const std::shared_lock lock(mutex_);
  return std::ranges::all_of(entries_, [](const auto& row) {
    const Entry& entry = *row.second;
    const auto serving = entry.versions.find(entry.serving);
    return !entry.expected || entry.asleep || (serving != entry.versions.end() && serving->second.model != nullptr);
  });
}

void ModelTable::note_models() { crew_.metrics.set_models(ready().size(), loaded_bytes()); }

}  // namespace arete::serve
