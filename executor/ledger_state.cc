#include "executor/ledger_state.h"

#include <algorithm>

namespace fumehood::executor {

void LedgerState::Apply(LedgerRecord::Kind kind, const AttemptKey& key, EncodedRecord encoded) {
  const std::pair id{key.uid, key.attempt};
  switch (kind) {
    case LedgerRecord::Kind::kStarted:
      if (!IsRemembered(key)) live_.try_emplace(id, Stage::kStarted, std::move(encoded));
      return;
    case LedgerRecord::Kind::kEnded:
      // Where the start can't be read any more, the end proves it. An end that was on its way while its attempt was
      // dropped comes too late.
      if (live_.contains(id) || !IsRemembered(key)) live_[id] = {Stage::kEnded, std::move(encoded)};
      return;
    case LedgerRecord::Kind::kDropped:
      live_.erase(id);
      Remember(key);
      return;
  }
}

bool LedgerState::IsRemembered(const AttemptKey& key) const {
  const auto found = remembered_by_uid_.find(key.uid);
  return found != remembered_by_uid_.end() && found->second->attempt >= key.attempt;
}

void LedgerState::Remember(const AttemptKey& key) {
  int64_t attempt = key.attempt;
  if (const auto found = remembered_by_uid_.find(key.uid); found != remembered_by_uid_.end()) {
    attempt = std::max(attempt, found->second->attempt);
    remembered_.erase(found->second);
  }
  remembered_.push_back({key.uid, attempt});
  remembered_by_uid_[key.uid] = std::prev(remembered_.end());
  if (remembered_.size() > max_remembered_) {
    remembered_by_uid_.erase(remembered_.front().uid);
    remembered_.pop_front();
  }
}

bool LedgerState::WasStarted(const AttemptKey& key) const {
  const auto live = live_.lower_bound({key.uid, key.attempt});
  return (live != live_.end() && live->first.first == key.uid) || IsRemembered(key);
}

LedgerState::Stage LedgerState::StageOf(const AttemptKey& key) const {
  const auto found = live_.find({key.uid, key.attempt});
  return found == live_.end() ? Stage::kUnknown : found->second.stage;
}

std::vector<EncodedRecord> LedgerState::live() const {
  std::vector<EncodedRecord> all;
  all.reserve(live_.size());
  for (const auto& [id, live] : live_) all.push_back(live.encoded);
  return all;
}

}  // namespace fumehood::executor
