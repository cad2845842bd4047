#include "controller/occupancy.h"

namespace fumehood::controller {

bool Occupancy::EraseLocked(const std::string& uid) {
  const auto place = places_.find(uid);
  if (place == places_.end()) return false;
  const auto count = by_node_.find(place->second.node_name);
  if (--count->second == 0) by_node_.erase(count);
  places_.erase(place);
  return true;
}

bool Occupancy::Observe(const api::SandboxCommand& command) {
  std::lock_guard lock(mutex_);
  const std::string& uid = command.metadata.uid;
  const auto place = places_.find(uid);
  if (place != places_.end() && place->second.assumed && command.status.attempt < place->second.attempt) return false;
  const bool had_slot_elsewhere = place != places_.end() && place->second.node_name != command.status.node_name;
  const bool had_slot = EraseLocked(uid);
  if (!command.IsBound()) return had_slot;
  places_.emplace(uid, Place{command.status.node_name, command.status.attempt, /*assumed=*/false});
  ++by_node_[command.status.node_name];
  return had_slot_elsewhere;
}

bool Occupancy::Remove(const std::string& uid) {
  std::lock_guard lock(mutex_);
  return EraseLocked(uid);
}

void Occupancy::Assume(const std::string& uid, const std::string& node_name, int64_t attempt) {
  std::lock_guard lock(mutex_);
  EraseLocked(uid);
  places_.emplace(uid, Place{node_name, attempt, /*assumed=*/true});
  ++by_node_[node_name];
}

void Occupancy::Forget(const std::string& uid) {
  std::lock_guard lock(mutex_);
  const auto place = places_.find(uid);
  if (place != places_.end() && place->second.assumed) EraseLocked(uid);
}

int64_t Occupancy::CountOn(const std::string& node_name) const {
  std::lock_guard lock(mutex_);
  const auto count = by_node_.find(node_name);
  return count == by_node_.end() ? 0 : count->second;
}

}  // namespace fumehood::controller
