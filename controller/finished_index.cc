#include "controller/finished_index.h"

#include <algorithm>
#include <tuple>

namespace fumehood::controller {

void FinishedIndex::Put(const Entry& entry) {
  Remove(entry.key);
  entries_.emplace(entry.key, Kept{entry.completion_time, entry.bytes});
  namespace_bytes_[entry.key.name.ns] += entry.bytes;
  total_bytes_ += entry.bytes;
}

void FinishedIndex::Remove(const CommandKey& key) {
  const auto entry = entries_.find(key);
  if (entry == entries_.end()) return;
  total_bytes_ -= entry->second.bytes;
  const auto of_namespace = namespace_bytes_.find(key.name.ns);
  of_namespace->second -= entry->second.bytes;
  if (of_namespace->second == 0) namespace_bytes_.erase(of_namespace);
  entries_.erase(entry);
}

void FinishedIndex::Replace(const std::vector<Entry>& entries) {
  entries_.clear();
  namespace_bytes_.clear();
  total_bytes_ = 0;
  for (const Entry& entry : entries) Put(entry);
}

bool FinishedIndex::Exceeds(const RetentionLimits& limits) const {
  return total_bytes_ > limits.total_bytes ||
         std::ranges::any_of(namespace_bytes_, [&limits](const auto& of_namespace) {
           return of_namespace.second > limits.namespace_bytes;
         });
}

std::vector<FinishedIndex::Excess> FinishedIndex::ChooseExcess(const RetentionLimits& limits) const {
  if (!Exceeds(limits)) return {};
  std::vector<Entry> oldest_first;
  oldest_first.reserve(entries_.size());
  for (const auto& [key, kept] : entries_) oldest_first.push_back({key, kept.completion_time, kept.bytes});
  std::ranges::sort(oldest_first, {}, [](const Entry& entry) { return std::tie(entry.completion_time, entry.key); });

  const auto excess = [](int64_t bytes, int64_t limit) { return bytes > limit ? bytes - (limit - limit / 10) : 0; };
  std::map<std::string, int64_t> namespace_excess;
  for (const auto& [ns, bytes] : namespace_bytes_) namespace_excess[ns] = excess(bytes, limits.namespace_bytes);

  std::vector<Excess> chosen;
  int64_t total = total_bytes_;
  std::vector<Entry> left;
  for (const Entry& entry : oldest_first) {
    int64_t& of_namespace = namespace_excess[entry.key.name.ns];
    if (of_namespace <= 0) {
      left.push_back(entry);
      continue;
    }
    chosen.push_back({entry.key, LimitKind::kNamespace});
    of_namespace -= entry.bytes;
    total -= entry.bytes;
  }
  int64_t total_excess = excess(total, limits.total_bytes);
  for (const Entry& entry : left) {
    if (total_excess <= 0) break;
    chosen.push_back({entry.key, LimitKind::kTotal});
    total_excess -= entry.bytes;
  }
  return chosen;
}

}  // namespace fumehood::controller
