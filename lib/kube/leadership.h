#pragma once

#include <atomic>

#include "lib/base/time.h"

namespace fumehood::kube {

// Until when this process leads. Begins once and ends once, for good. Lock-free; safe to use from any thread.
class Leadership {
 public:
  // No thread is needed to make this false in time.
  bool IsHeld(SteadyTime now) const { return now < until_.load(); }
  bool has_begun() const { return until_.load() != kNotYet; }
  bool has_ended() const { return until_.load() == kEnded; }
  SteadyTime until() const { return until_.load(); }

  // Begins it, or moves its end; tells whether it is held now. What was overdue at `now` ends instead, however late the
  // new end would be: somebody may have been told already.
  bool Extend(SteadyTime until, SteadyTime now) {
    EndIfOverdue(now);
    SteadyTime before = until_.load();
    while (before != kEnded && until > now) {
      if (until_.compare_exchange_weak(before, until)) return true;
    }
    return false;
  }

  void EndIfOverdue(SteadyTime now) {
    SteadyTime before = until_.load();
    while (before != kNotYet && before != kEnded && before <= now) {
      if (until_.compare_exchange_weak(before, kEnded)) return;
    }
  }

  void End() { until_ = kEnded; }

 private:
  // Before every time that a clock can tell.
  static constexpr SteadyTime kNotYet = SteadyTime::min();
  static constexpr SteadyTime kEnded = SteadyTime::min() + SteadyTime::duration(1);

  std::atomic<SteadyTime> until_{kNotYet};
};

}  // namespace fumehood::kube
