#include "executor/assignments.h"

#include <utility>
#include <vector>

namespace fumehood::executor {

AttemptKey KeyOf(const api::SandboxCommand& command) {
  return {{command.metadata.ns, command.metadata.name}, command.metadata.uid, command.status.attempt};
}

std::string FullName(const AttemptKey& key) { return key.name.ns + "/" + key.name.name; }

void Assignment::Kill(KillCause cause) {
  auto none = KillCause::kNone;
  if (cause_.compare_exchange_strong(none, cause)) stop_.request_stop();
}

void Assignment::SetStarted(WallTime time) {
  std::lock_guard lock(mutex_);
  start_time_ = time;
}

std::optional<WallTime> Assignment::start_time() const {
  std::lock_guard lock(mutex_);
  return start_time_;
}

bool Assignments::Take(const AttemptKey& key) {
  if (key.attempt < 1) return false;
  auto assignment = std::make_shared<Assignment>();
  std::shared_ptr<Assignment> replaced;
  {
    std::lock_guard lock(mutex_);
    Entry& entry = entries_[key.uid];
    if (key.attempt <= entry.key.attempt) return false;
    replaced = std::exchange(entry.assignment, std::move(assignment));
    entry.key = key;
  }
  // Killing runs callbacks; never under the lock.
  if (replaced) replaced->Kill(KillCause::kGone);
  return true;
}

std::shared_ptr<Assignment> Assignments::Find(const AttemptKey& key) const {
  std::lock_guard lock(mutex_);
  const auto entry = entries_.find(key.uid);
  return entry != entries_.end() && entry->second.key == key ? entry->second.assignment : nullptr;
}

std::vector<AttemptKey> Assignments::All() const {
  std::lock_guard lock(mutex_);
  std::vector<AttemptKey> all;
  all.reserve(entries_.size());
  for (const auto& [uid, entry] : entries_) all.push_back(entry.key);
  return all;
}

void Assignments::Kill(const std::string& uid, KillCause cause) {
  std::shared_ptr<Assignment> assignment;
  {
    std::lock_guard lock(mutex_);
    const auto entry = entries_.find(uid);
    if (entry != entries_.end()) assignment = entry->second.assignment;
  }
  if (assignment) assignment->Kill(cause);
}

void Assignments::KillAll(KillCause cause) {
  std::vector<std::shared_ptr<Assignment>> all;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [uid, entry] : entries_) all.push_back(entry.assignment);
  }
  for (const auto& assignment : all) assignment->Kill(cause);
}

void Assignments::Leave(const std::string& uid) {
  std::shared_ptr<Assignment> assignment;
  {
    std::lock_guard lock(mutex_);
    const auto entry = entries_.find(uid);
    if (entry == entries_.end()) return;
    assignment = entry->second.assignment;
    entries_.erase(entry);
  }
  assignment->Kill(KillCause::kGone);
}

}  // namespace fumehood::executor
