#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/time.h"
#include "lib/kube/lease.h"

namespace fumehood::controller {

// Which executors are lost: each renews a Lease of its own, and one that no longer does is lost after the Lease's
// duration.
//
// Judged by when *we* saw a Lease change, on our own clock: theirs may be wrong. And only while we see: an executor is
// lost when its Lease has not changed for its duration, *and* the watch has shown something after that, which our own
// Lease sees to every few seconds. After the watch was interrupted, every executor has its whole duration anew: an
// outage of the API server kills nobody.
//
// Safe to call from several threads.
class ExecutorLeases {
 public:
  // Of an executor whose Lease we have never seen; what kubelets use.
  static constexpr std::chrono::seconds kDefaultDuration{40};

  // The watch has shown a Lease, an executor's or another: all of the namespace are watched.
  void Observe(const kube::Lease& lease, SteadyTime now);
  // The watch has shown that a Lease is gone. Its executor may make it again.
  void ObserveDeleted(const kube::Lease& lease, SteadyTime now);
  // The watch goes on after it was interrupted: what it shows next begins a new time for everybody.
  void OnInterrupted();
  // A command is bound to this node: its executor ought to have a Lease, and has its duration to show one.
  void Expect(const std::string& node_name, SteadyTime now);

  // It has a Lease that holds.
  bool IsAlive(const std::string& node_name) const;
  bool IsLost(const std::string& node_name) const;
  // Nodes whose executors have begun or ceased to be alive since the last call.
  std::vector<std::string> TakeTurned();
  // Those that have become lost since the last call.
  std::vector<std::string> TakeNewlyLost();

 private:
  struct Executor {
    std::string holder;
    std::optional<WallTime> renew_time;  // by the executor's clock
    std::chrono::seconds duration = kDefaultDuration;
    bool has_lease = false;
    SteadyTime changed{};    // when we saw the above change
    bool loss_told = false;  // by TakeNewlyLost
    bool alive = false;      // when we last looked
  };
  void SeeLocked(SteadyTime now);
  void BeginAnewLocked();
  void LookLocked(const std::string& node_name, Executor& executor);
  bool IsAliveLocked(const Executor& executor) const { return executor.has_lease && !IsLostLocked(executor); }
  bool IsLostLocked(const Executor& executor) const { return seen_ - executor.changed >= executor.duration; }

  mutable std::mutex mutex_;  // guards what follows
  SteadyTime seen_{};         // when the watch has last shown something
  bool interrupted_ = false;
  std::map<std::string, Executor> executors_;  // by node
  SteadyTime next_end_ = SteadyTime::max();    // no executor that is alive is lost before
  std::set<std::string> turned_;
};

// The node that an executor's Lease belongs to; empty for another Lease.
std::string_view NodeOfLease(std::string_view lease_name);

}  // namespace fumehood::controller
