#include "controller/waiting_line.h"

#include <tuple>
#include <utility>

namespace fumehood::controller {

WaitingLine::Moment WaitingLine::now() const {
  std::lock_guard lock(mutex_);
  return moment_;
}

SteadyTime WaitingLine::Join(const CommandKey& key, int64_t priority, WallTime came, SteadyTime now) {
  std::lock_guard lock(mutex_);
  const auto [found, is_new] = places_.try_emplace(key, Place{.arrival = {came, next_number_}, .since = now});
  Place& place = found->second;
  if (is_new) {
    arrivals_.emplace(place.arrival, key);
    ++next_number_;
  }
  if (!place.in_line || place.priority != priority) {
    LeaveLineLocked(key, place);
    place.priority = priority;
    EnterLocked(key, place);
  }
  return place.since;
}

std::optional<SteadyTime> WaitingLine::Since(const CommandKey& key) const {
  std::lock_guard lock(mutex_);
  const auto place = places_.find(key);
  return place == places_.end() ? std::nullopt : std::optional(place->second.since);
}

void WaitingLine::Leave(const CommandKey& key) {
  std::lock_guard lock(mutex_);
  const auto place = places_.find(key);
  if (place == places_.end()) return;
  LeaveLineLocked(key, place->second);
  arrivals_.erase(place->second.arrival);
  places_.erase(place);
}

bool WaitingLine::IsItsTurn(const CommandKey& key) {
  std::lock_guard lock(mutex_);
  const auto next = NextLocked();
  const auto place = places_.find(key);
  if (!next || *next == key || place == places_.end() || !place->second.in_line) return true;
  const auto order = [this](const CommandKey& one, const Place& its) {
    return std::tuple(-its.priority, bands_.at(its.priority).lanes.at(one.name.ns).turn, its.arrival);
  };
  return order(key, place->second) < order(*next, places_.at(*next));
}

void WaitingLine::Serve(const CommandKey& key) {
  std::lock_guard lock(mutex_);
  const auto place = places_.find(key);
  if (place == places_.end() || !place->second.in_line) return;
  Band& band = bands_.at(place->second.priority);
  Lane& lane = band.lanes.at(key.name.ns);
  band.round.erase(lane.turn);
  lane.turn = next_turn_++;
  band.round.emplace(lane.turn, key.name.ns);
  LeaveLineLocked(key, place->second);
}

void WaitingLine::PassOver(const CommandKey& key, Moment moment) {
  std::lock_guard lock(mutex_);
  const auto place = places_.find(key);
  if (moment != moment_ || place == places_.end() || !place->second.in_line) return;
  Lane& lane = bands_.at(place->second.priority).lanes.at(key.name.ns);
  UpdateLocked(lane);
  if (auto entry = lane.may_fit.extract(place->second.arrival)) lane.passed_over.insert(std::move(entry));
}

void WaitingLine::PassOverNamespace(const CommandKey& key, Moment moment) {
  std::lock_guard lock(mutex_);
  if (moment == moment_) full_namespaces_.insert(key.name.ns);
}

void WaitingLine::StandAside(const CommandKey& key) {
  std::lock_guard lock(mutex_);
  if (const auto place = places_.find(key); place != places_.end()) LeaveLineLocked(key, place->second);
}

void WaitingLine::Reconsider() {
  std::lock_guard lock(mutex_);
  ++moment_;
  full_namespaces_.clear();
}

std::optional<CommandKey> WaitingLine::Next() {
  std::lock_guard lock(mutex_);
  return NextLocked();
}

std::vector<CommandKey> WaitingLine::All() const {
  std::lock_guard lock(mutex_);
  std::vector<CommandKey> all;
  all.reserve(arrivals_.size());
  for (const auto& [arrival, key] : arrivals_) all.push_back(key);
  return all;
}

void WaitingLine::EnterLocked(const CommandKey& key, Place& place) {
  Band& band = bands_[place.priority];
  const auto [lane, is_new] = band.lanes.try_emplace(key.name.ns, Lane{.turn = next_turn_});
  if (is_new) band.round.emplace(next_turn_++, key.name.ns);
  lane->second.may_fit.emplace(place.arrival, key);
  place.in_line = true;
}

void WaitingLine::LeaveLineLocked(const CommandKey& key, Place& place) {
  if (!place.in_line) return;
  place.in_line = false;
  const auto band = bands_.find(place.priority);
  const auto lane = band->second.lanes.find(key.name.ns);
  lane->second.may_fit.erase(place.arrival);
  lane->second.passed_over.erase(place.arrival);
  if (!lane->second.may_fit.empty() || !lane->second.passed_over.empty()) return;
  band->second.round.erase(lane->second.turn);
  band->second.lanes.erase(lane);
  if (band->second.lanes.empty()) bands_.erase(band);
}

void WaitingLine::UpdateLocked(Lane& lane) {
  if (lane.moment == moment_) return;
  lane.moment = moment_;
  // Mostly all of a lane were passed over, or one or two: neither costs anything for those that were not.
  if (lane.may_fit.size() < lane.passed_over.size()) lane.may_fit.swap(lane.passed_over);
  lane.may_fit.merge(lane.passed_over);
}

std::optional<CommandKey> WaitingLine::NextLocked() {
  for (auto& [priority, band] : bands_) {
    for (const auto& [turn, ns] : band.round) {
      if (full_namespaces_.contains(ns)) continue;
      Lane& lane = band.lanes.at(ns);
      UpdateLocked(lane);
      if (!lane.may_fit.empty()) return lane.may_fit.begin()->second;
    }
  }
  return std::nullopt;
}

}  // namespace fumehood::controller
