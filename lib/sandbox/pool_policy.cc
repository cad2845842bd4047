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
