#pragma once

#include <cstddef>
#include <list>
#include <map>
#include <utility>

namespace fumehood::kube {

// A map that holds at most `limit` entries, at least one: a new one takes the place of the one that was used least
// recently. Not safe to share between threads.
template <typename Key, typename Value>
class LruMap {
 public:
  explicit LruMap(size_t limit) : limit_(limit) {}
  // The iterators of one are not those of a copy.
  LruMap(const LruMap&) = delete;
  LruMap& operator=(const LruMap&) = delete;

  // The key's value, which counts as a use; nullptr where there is none. Valid until the next Put.
  Value* Use(const Key& key) {
    const auto found = places_.find(key);
    if (found == places_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, found->second);
    return &found->second->second;
  }

  // Sets the key's value, which counts as a use. Valid until the next Put.
  Value& Put(const Key& key, Value value) {
    if (Value* const old = Use(key)) return *old = std::move(value);
    if (entries_.size() >= limit_) {
      places_.erase(entries_.back().first);
      entries_.pop_back();
    }
    entries_.emplace_front(key, std::move(value));
    places_.emplace(key, entries_.begin());
    return entries_.front().second;
  }

  size_t size() const { return entries_.size(); }

 private:
  using Entries = std::list<std::pair<Key, Value>>;

  const size_t limit_;
  Entries entries_;  // the last used first
  std::map<Key, typename Entries::iterator> places_;
};

}  // namespace fumehood::kube
