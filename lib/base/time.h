// Two kinds of time that must never be mixed up, and the text form that the Kubernetes API uses.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "lib/base/result.h"

namespace fumehood {

// For deadlines and durations: never jumps.
using SteadyTime = std::chrono::steady_clock::time_point;
// For what people read and other machines compare: may jump.
using WallTime = std::chrono::system_clock::time_point;

// Where the time comes from, so that tests can move it. Safe to call from several threads.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual SteadyTime SteadyNow() const = 0;
  virtual WallTime WallNow() const = 0;
};

// The machine's clocks.
class SystemClock final : public Clock {
 public:
  SteadyTime SteadyNow() const override { return std::chrono::steady_clock::now(); }
  WallTime WallNow() const override { return std::chrono::system_clock::now(); }
};

// The machine's clocks, where SteadyNow goes on while the machine is suspended (CLOCK_BOOTTIME instead of
// CLOCK_MONOTONIC): for what others believe to have ended meanwhile, such as a lease. A SteadyTime of this clock and
// one of another must never meet, and nothing can wait for one: std::condition_variable doesn't know this clock.
class BootTimeClock final : public Clock {
 public:
  SteadyTime SteadyNow() const override;
  WallTime WallNow() const override { return std::chrono::system_clock::now(); }
};

// RFC 3339 in UTC with whole seconds, as Kubernetes' metav1.Time: "2026-11-24T03:30:00Z".
std::string FormatTime(WallTime time);

// RFC 3339 in UTC with microseconds, as Kubernetes' metav1.MicroTime: "2026-11-24T03:30:00.123456Z".
std::string FormatMicroTime(WallTime time);

// Reads RFC 3339, with or without a fraction, in UTC ("Z") or with an offset ("+02:00").
Result<WallTime> ParseTime(std::string_view text);

}  // namespace fumehood
