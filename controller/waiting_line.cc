#include "controller/waiting_line.h"

namespace fumehood::controller {

SteadyTime WaitingLine::Join(const CommandKey& key, SteadyTime now) {
  std::lock_guard lock(mutex_);
  const auto [place, joined] = places_.try_emplace(key, Place{next_number_, now});
  if (joined) line_.emplace(next_number_++, key);
  return place->second.since;
}

std::optional<CommandKey> WaitingLine::Leave(const CommandKey& key) {
  std::lock_guard lock(mutex_);
  const auto place = places_.find(key);
  if (place == places_.end()) return std::nullopt;
  auto behind = BehindLocked(place->second.number);
  line_.erase(place->second.number);
  places_.erase(place);
  return behind;
}

std::vector<CommandKey> WaitingLine::All() const {
  std::lock_guard lock(mutex_);
  std::vector<CommandKey> all;
  all.reserve(line_.size());
  for (const auto& [number, key] : line_) all.push_back(key);
  return all;
}

std::optional<CommandKey> WaitingLine::First() const {
  std::lock_guard lock(mutex_);
  return line_.empty() ? std::nullopt : std::optional(line_.begin()->second);
}

std::optional<CommandKey> WaitingLine::Behind(const CommandKey& key) const {
  std::lock_guard lock(mutex_);
  const auto place = places_.find(key);
  return place == places_.end() ? std::nullopt : BehindLocked(place->second.number);
}

std::optional<CommandKey> WaitingLine::BehindLocked(uint64_t number) const {
  const auto next = line_.upper_bound(number);
  return next == line_.end() ? std::nullopt : std::optional(next->second);
}

}  // namespace fumehood::controller
