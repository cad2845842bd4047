// How many sandboxes should wait for commands, and of which kind. Pure: no clock, no IO.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>

#include "lib/base/time.h"

namespace fumehood::sandbox {

struct PoolOptions {
  // Of each kind that is known from the beginning so many wait, whether or not one was ever asked for.
  size_t minimum = 1;
  // Of all kinds together not more than so many wait or are being started; 0: there is no pool.
  size_t maximum = 0;
  // Older ones are thrown away: what they were made of may have changed.
  std::chrono::seconds max_age{600};
  // So long after a command has taken one, another is started in its place: a start keeps two processors busy, and just
  // then they are needed for the command, which has mostly ended and been reported by then.
  std::chrono::milliseconds hold_back{30};
};

// Sandboxes of a kind serve the same commands.
struct PoolKind {
  std::string image;
  std::optional<uint64_t> memory_bytes = {};

  auto operator<=>(const PoolKind&) const = default;
};

// How many commands came in the busiest second of the last minute. Not safe to share between threads.
class Demand {
 public:
  void Add(SteadyTime now);
  size_t Peak(SteadyTime now) const;

 private:
  static constexpr size_t kSeconds = 60;
  struct Second {
    int64_t number = -1;
    size_t count = 0;
  };
  std::array<Second, kSeconds> seconds_;
};

// What was taken a moment ago and is not replaced yet. Not safe to share between threads.
class HeldBack {
 public:
  explicit HeldBack(std::chrono::milliseconds period) : period_(period) {}

  void Add(SteadyTime now);
  size_t Count(SteadyTime now) const;
  // When Count becomes less; nothing where it is 0.
  std::optional<SteadyTime> NextEnd(SteadyTime now) const;

 private:
  std::chrono::milliseconds period_;
  std::deque<SteadyTime> taken_;  // the oldest first
};

// How many of each kind should wait, where `maximum` is less than what all of them want: they share it evenly, and none
// gets more than it wants.
std::map<PoolKind, size_t> PoolTargets(const std::map<PoolKind, size_t>& wanted, size_t maximum);

}  // namespace fumehood::sandbox
