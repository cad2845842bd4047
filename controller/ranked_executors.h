#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <set>
#include <string>

#include "lib/api/sandbox_executor.h"
#include "lib/api/scheduling.h"

namespace fumehood::controller {

// What of one executor is taken.
struct Load {
  int64_t commands = 0;
  int64_t cpu_millis = 0;
  int64_t memory_bytes = 0;

  bool operator==(const Load&) const = default;
};

// An executor that takes commands now: its SandboxExecutor is ready and fresh.
// The objects are shared with the view, which replaces but never changes them: a decision over a thousand executors
// must not copy a thousand offers.
struct ReadyExecutor {
  std::shared_ptr<const api::SandboxExecutor> offer;
  std::shared_ptr<const api::Node> node;
  Load load = {};  // of the commands bound to it, as observed or as assumed after our own writes

  const std::string& node_name() const { return offer->metadata.name; }
  int64_t slots() const { return offer->status.slots; }
  int64_t free_slots() const { return slots() - load.commands; }
};

// The smaller share of its slots is taken, the better; of equals, the one whose name comes first. Those without a free
// slot come last.
struct BestFirst {
  bool operator()(const ReadyExecutor& a, const ReadyExecutor& b) const {
    if ((a.free_slots() > 0) != (b.free_slots() > 0)) return a.free_slots() > 0;
    const int64_t left = a.load.commands * std::max<int64_t>(b.slots(), 1);
    const int64_t right = b.load.commands * std::max<int64_t>(a.slots(), 1);
    return left != right ? left < right : a.node_name() < b.node_name();
  }
};
using RankedExecutors = std::set<ReadyExecutor, BestFirst>;

}  // namespace fumehood::controller
