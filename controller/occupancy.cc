#include "controller/occupancy.h"

#include <utility>

namespace fumehood::controller {

bool Occupancy::EraseLocked(const std::string& uid) {
  const auto place = places_.find(uid);
  if (place == places_.end()) return false;
  const auto load = by_node_.find(place->second.node_name);
  load->second.cpu_millis -= place->second.resources.cpu_millis;
  load->second.memory_bytes -= place->second.resources.memory_bytes;
  if (--load->second.commands == 0) by_node_.erase(load);
  RankLocked(place->second.node_name);
  const auto of_namespace = by_namespace_.find(place->second.ns);
  if (--of_namespace->second == 0) by_namespace_.erase(of_namespace);
  places_.erase(place);
  return true;
}

void Occupancy::TakeLocked(const std::string& uid, Place place) {
  Load& load = by_node_[place.node_name];
  ++load.commands;
  load.cpu_millis += place.resources.cpu_millis;
  load.memory_bytes += place.resources.memory_bytes;
  ++by_namespace_[place.ns];
  RankLocked(place.node_name);
  places_.emplace(uid, std::move(place));
}

bool Occupancy::Observe(const api::SandboxCommand& command) {
  std::lock_guard lock(mutex_);
  const std::string& uid = command.metadata.uid;
  const auto place = places_.find(uid);
  if (place != places_.end() && place->second.assumed && command.status.attempt < place->second.attempt) return false;
  const bool had_slot_elsewhere = place != places_.end() && place->second.node_name != command.status.node_name;
  const bool had_slot = EraseLocked(uid);
  if (!command.IsBound()) return had_slot;
  TakeLocked(uid, {.ns = command.metadata.ns,
                   .node_name = command.status.node_name,
                   .attempt = command.status.attempt,
                   .resources = command.status.resources.value_or(api::Resources())});
  return had_slot_elsewhere;
}

bool Occupancy::Remove(const std::string& uid) {
  std::lock_guard lock(mutex_);
  return EraseLocked(uid);
}

void Occupancy::Assume(const api::SandboxCommand& command, const std::string& node_name,
                       const api::Resources& resources) {
  std::lock_guard lock(mutex_);
  EraseLocked(command.metadata.uid);
  TakeLocked(command.metadata.uid, {.ns = command.metadata.ns,
                                    .node_name = node_name,
                                    .attempt = command.status.attempt + 1,
                                    .resources = resources,
                                    .assumed = true});
}

void Occupancy::Forget(const std::string& uid) {
  std::lock_guard lock(mutex_);
  const auto place = places_.find(uid);
  if (place != places_.end() && place->second.assumed) EraseLocked(uid);
}

void Occupancy::SetReady(std::shared_ptr<const api::SandboxExecutor> offer, std::shared_ptr<const api::Node> node) {
  std::lock_guard lock(mutex_);
  const std::string node_name = offer->metadata.name;
  if (const auto rank = ranks_.find(node_name); rank != ranks_.end()) ranked_.erase(rank->second);
  ranks_[node_name] = ranked_.insert({std::move(offer), std::move(node), LoadOfLocked(node_name)}).first;
}

void Occupancy::SetNotReady(const std::string& node_name) {
  std::lock_guard lock(mutex_);
  const auto rank = ranks_.extract(node_name);
  if (!rank.empty()) ranked_.erase(rank.mapped());
}

void Occupancy::RankLocked(const std::string& node_name) {
  const auto rank = ranks_.find(node_name);
  if (rank == ranks_.end()) return;
  auto executor = ranked_.extract(rank->second);
  executor.value().load = LoadOfLocked(node_name);
  rank->second = ranked_.insert(std::move(executor)).position;
}

// Who has one comes before those who don't.
bool Occupancy::HasFreeSlot() const {
  std::lock_guard lock(mutex_);
  return !ranked_.empty() && ranked_.begin()->free_slots() > 0;
}

Load Occupancy::LoadOf(const std::string& node_name) const {
  std::lock_guard lock(mutex_);
  return LoadOfLocked(node_name);
}

Load Occupancy::LoadOfLocked(const std::string& node_name) const {
  const auto load = by_node_.find(node_name);
  return load == by_node_.end() ? Load() : load->second;
}

int64_t Occupancy::CountOthersIn(const std::string& ns, const std::string& uid) const {
  std::lock_guard lock(mutex_);
  const auto count = by_namespace_.find(ns);
  if (count == by_namespace_.end()) return 0;
  const auto place = places_.find(uid);
  return count->second - (place != places_.end() && place->second.ns == ns ? 1 : 0);
}

}  // namespace fumehood::controller
