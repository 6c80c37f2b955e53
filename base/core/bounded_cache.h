// SPDX-License-Identifier: Apache-2.0
//
// A cache of bounded size whose entries expire.
//
// Two generations: new entries go into the young one; when it is half the capacity, the old one is
// dropped whole and the young one becomes old. An entry found in the old one moves to the young.
// So the most recently used half is always kept, and nothing is ever searched for a victim.
//
// A generation's entries lie side by side in memory of its own, which goes back whole when it is
// dropped: strewn among what is short-lived, a cache would pin most of the pages of a burst.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <memory_resource>
#include <unordered_map>
#include <utility>

namespace hf {

template <class Key, class Value, class Hash = std::hash<Key>>
class BoundedCache {
 public:
  explicit BoundedCache(size_t capacity) : half_(capacity / 2 + 1) {}

  /// The value, unless it has expired; valid until the next call.
  const Value* find(const Key& key, uint64_t now_ms) {
    if (auto it = young_->entries.find(key); it != young_->entries.end())
      return alive(it->second, now_ms);
    auto it = old_->entries.find(key);
    if (it == old_->entries.end() || it->second.expires_ms <= now_ms) return nullptr;
    Entry entry = std::move(it->second);
    old_->entries.erase(it);
    return &insert(key, std::move(entry)).value;
  }

  void put(const Key& key, Value value, uint64_t expires_ms) {
    old_->entries.erase(key);
    insert(key, {std::move(value), expires_ms});
  }

  void clear() {
    young_ = std::make_unique<Generation>();
    old_ = std::make_unique<Generation>();
  }
  size_t size() const { return young_->entries.size() + old_->entries.size(); }

 private:
  struct Entry {
    Value value;
    uint64_t expires_ms;
  };
  struct Generation {
    std::pmr::monotonic_buffer_resource memory;
    std::pmr::unordered_map<Key, Entry, Hash> entries{&memory};
  };

  static const Value* alive(const Entry& entry, uint64_t now_ms) {
    return entry.expires_ms > now_ms ? &entry.value : nullptr;
  }

  Entry& insert(const Key& key, Entry entry) {
    if (young_->entries.size() >= half_) {
      old_ = std::move(young_);
      young_ = std::make_unique<Generation>();
    }
    return young_->entries.insert_or_assign(key, std::move(entry)).first->second;
  }

  size_t half_;
  std::unique_ptr<Generation> young_ = std::make_unique<Generation>();
  std::unique_ptr<Generation> old_ = std::make_unique<Generation>();
};

}  // namespace hf
