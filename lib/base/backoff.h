#pragma once

#include <chrono>
#include <random>

#include "lib/base/time.h"

namespace fumehood {

struct BackoffPolicy {
  std::chrono::milliseconds initial{800};
  std::chrono::milliseconds max{30'000};
  double factor = 2.0;
  // The delay is stretched by a random part of itself, so that many clients that failed together don't come
  // back together: 1.0 means up to twice as long.
  double jitter = 1.0;
  // After this long without a failure the next one is the first again.
  std::chrono::milliseconds reset_after{120'000};
};
// The defaults are those of client-go's reflector (tools/cache/reflector.go).

// How long to wait after each of a row of failures. Not safe to share between threads.
class Backoff {
 public:
  explicit Backoff(BackoffPolicy policy, unsigned seed = std::random_device{}());

  // The delay after a failure at `now`.
  std::chrono::milliseconds Next(SteadyTime now);
  // The next failure is the first again.
  void Reset();

 private:
  BackoffPolicy policy_;
  std::minstd_rand random_;
  std::chrono::duration<double, std::milli> delay_;
  SteadyTime last_failure_ = SteadyTime::min();
};

}  // namespace fumehood
