#include "lib/sandbox/pool_policy.h"

#include <algorithm>

namespace fumehood::sandbox {

namespace {

int64_t SecondOf(SteadyTime time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

}  // namespace

void Demand::Add(SteadyTime now) {
  const int64_t number = SecondOf(now);
  Second& second = seconds_[static_cast<size_t>(number) % kSeconds];
  if (second.number != number) second = {.number = number, .count = 0};
  ++second.count;
}

size_t Demand::Peak(SteadyTime now) const {
  const int64_t oldest = SecondOf(now) - static_cast<int64_t>(kSeconds);
  size_t peak = 0;
  for (const Second& second : seconds_) {
    if (second.number > oldest) peak = std::max(peak, second.count);
  }
  return peak;
}

void HeldBack::Add(SteadyTime now) {
  while (!taken_.empty() && now - taken_.front() >= period_) taken_.pop_front();
  taken_.push_back(now);
}

size_t HeldBack::Count(SteadyTime now) const {
  return static_cast<size_t>(std::ranges::count_if(taken_, [&](SteadyTime taken) { return now - taken < period_; }));
}

std::optional<SteadyTime> HeldBack::NextEnd(SteadyTime now) const {
  const auto first = std::ranges::find_if(taken_, [&](SteadyTime taken) { return now - taken < period_; });
  if (first == taken_.end()) return std::nullopt;
  return *first + period_;
}

std::map<PoolKind, size_t> PoolTargets(const std::map<PoolKind, size_t>& wanted, size_t maximum) {
  std::map<PoolKind, size_t> targets;
  for (bool lacking = true; lacking && maximum > 0;) {
    lacking = false;
    for (const auto& [kind, want] : wanted) {
      size_t& target = targets[kind];
      if (maximum == 0 || target >= want) continue;
      ++target;
      --maximum;
      lacking = true;
    }
  }
  return targets;
}

}  // namespace fumehood::sandbox
