#include "lib/base/backoff.h"

#include <algorithm>

namespace fumehood {

Backoff::Backoff(BackoffPolicy policy, unsigned seed) : policy_(policy), random_(seed), delay_(policy.initial) {}

std::chrono::milliseconds Backoff::Next(SteadyTime now) {
  if (last_failure_ != SteadyTime::min() && now - last_failure_ >= policy_.reset_after) Reset();
  last_failure_ = now;
  const auto delay = delay_;
  delay_ = std::min(delay_ * policy_.factor, std::chrono::duration<double, std::milli>(policy_.max));
  const double stretch = 1.0 + policy_.jitter * std::uniform_real_distribution<>(0.0, 1.0)(random_);
  return std::chrono::duration_cast<std::chrono::milliseconds>(delay * stretch);
}

void Backoff::Reset() {
  delay_ = policy_.initial;
  last_failure_ = SteadyTime::min();
}

}  // namespace fumehood
