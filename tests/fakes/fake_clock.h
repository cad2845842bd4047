#pragma once

#include <mutex>

#include "lib/base/time.h"

namespace fumehood {

// A clock that stands still until a test moves it. Safe to call from several threads.
class FakeClock final : public Clock {
 public:
  SteadyTime SteadyNow() const override {
    std::lock_guard lock(mutex_);
    return SteadyTime{} + std::chrono::hours(1) + passed_;
  }
  WallTime WallNow() const override {
    std::lock_guard lock(mutex_);
    return WallTime{} + std::chrono::days(20'000) + passed_;
  }
  void Advance(std::chrono::milliseconds step) {
    std::lock_guard lock(mutex_);
    passed_ += step;
  }

 private:
  mutable std::mutex mutex_;
  std::chrono::milliseconds passed_{0};
};

}  // namespace fumehood
