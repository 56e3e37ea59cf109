// NameTable: numbers for names, 0, 1, 2, ... as they come, so that what is known of a tensor lies in plain
// arrays. One flat table instead of a node a name: with 100,000 nodes a graph no longer fits the
// processor's caches, and each allocation is a miss.
// Ownership: borrows the characters of the names. Threads: const use is safe. Cost: O(1) a name.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

namespace arete::graph {

class NameTable {
 public:
  static constexpr std::uint32_t kNone = UINT32_MAX;

  // Room for so many names without growing.
  explicit NameTable(std::size_t expected = 0) {
    names_.reserve(expected);
    std::size_t slots = 16;
    while (slots < expected * 2) slots *= 2;
    slots_.resize(slots, {0, kNone});
  }

  std::size_t size() const { return names_.size(); }
  std::string_view name(std::uint32_t number) const { return names_[number]; }

  // The name's number; kNone where it is not there.
  std::uint32_t find(std::string_view name) const { return slots_[place_of(name, hash_of(name))].number; }

  // The same, a new one where it is not there.
  std::uint32_t add(std::string_view name) {
    if ((names_.size() + 1) * 2 > slots_.size()) grow();
    const std::uint32_t hash = hash_of(name);
    Slot& slot = slots_[place_of(name, hash)];
    if (slot.number != kNone) return slot.number;
    slot = {hash, static_cast<std::uint32_t>(names_.size())};
    names_.push_back(name);
    return slot.number;
  }

 private:
  struct Slot {
    std::uint32_t hash;
    std::uint32_t number;  // kNone: free
  };

  static std::uint32_t hash_of(std::string_view name) {
    const std::size_t hash = std::hash<std::string_view>{}(name);
    return static_cast<std::uint32_t>(hash ^ (hash >> 32));
  }

  // Where the name stands, or the free slot where it would.
  std::size_t place_of(std::string_view name, std::uint32_t hash) const {
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = hash & mask;
    while (slots_[at].number != kNone && (slots_[at].hash != hash || names_[slots_[at].number] != name))
      at = (at + 1) & mask;
    return at;
  }

  void grow() {
    std::vector<Slot> old(slots_.size() * 2, {0, kNone});
    old.swap(slots_);
    const std::size_t mask = slots_.size() - 1;
    for (const Slot& slot : old) {
      if (slot.number == kNone) continue;
      std::size_t at = slot.hash & mask;
      while (slots_[at].number != kNone) at = (at + 1) & mask;
      slots_[at] = slot;
    }
  }

  std::vector<Slot> slots_;
  std::vector<std::string_view> names_;
};

}  // namespace arete::graph
