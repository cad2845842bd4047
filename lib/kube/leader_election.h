#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "lib/base/result.h"
#include "lib/base/time.h"
#include "lib/kube/candidate.h"
#include "lib/kube/client.h"
#include "lib/kube/leadership.h"

namespace fumehood::kube {

// What becomes of a lease that we hold when the elector is destroyed.
enum class AtEnd {
  kRelease,  // another candidate takes it at once; only where nothing of ours acts as the leader any more
  kKeep,     // the others wait until it ends
};

// Takes part in a leader election until destroyed, at most once as the leader: whoever lost the lease starts again as
// another process. The rules are Candidate's.
//
// Two threads: one talks to the API server; the other, a watchdog, only looks at the clock, so that on_lost comes in
// time even while the first one hangs in a request or a callback.
class LeaderElector {
 public:
  struct Callbacks {
    // We lead from now on. From the election's thread, which renews only after it has returned.
    std::function<void()> on_elected;
    // We don't lead any more, and never will. Once, and not for a lease that is given back by the destructor. From
    // either thread, even while on_elected runs; also where it was not called because the time was over before. What
    // acts as the leader can't be stopped for sure except by ending the process here.
    std::function<void()> on_lost;
    // Somebody, or we, was seen to hold the lease. Before on_elected; from the election's thread.
    std::function<void(const std::string& identity)> on_new_leader;
    // A request failed, and is tried again. From the election's thread.
    std::function<void(const Error&)> on_problem;
  };

  // kInvalid for options that contradict one another. `client` and `clock` must outlive the elector. The clock must go
  // on while the machine is suspended (BootTimeClock), since the others' time does. A request gets half of the renew
  // deadline, so that a second one can be tried.
  static Result<std::unique_ptr<LeaderElector>> Create(Client& client, const Clock& clock, ElectionOptions options,
                                                       AtEnd at_end, Callbacks callbacks);
  // Ends what is under way, and releases the lease if it is to, by three requests at most; on_lost isn't called any
  // more.
  ~LeaderElector();

  // Ask before each act as the leader, which must be over before the difference of lease duration and renew deadline
  // has passed. Needs no thread of ours to turn false: it compares the time with what the last renewal gave. Cheap and
  // lock-free; safe to call from any thread.
  bool IsLeader() const { return leadership_.IsHeld(clock_.SteadyNow()); }

 private:
  LeaderElector(Client& client, const Clock& clock, ElectionOptions options, AtEnd at_end, Callbacks callbacks);

  void Campaign(std::stop_token stop);
  Candidate::Step Perform(Candidate& candidate, const Candidate::Step& step, const std::stop_token& stop);
  void Report(const Candidate& candidate);
  void ReportLossOnce();
  void Watch(std::stop_token stop);
  Moment Now() const { return {clock_.SteadyNow(), clock_.WallNow()}; }

  Client client_;
  const Clock& clock_;
  const ElectionOptions options_;
  const AtEnd at_end_;
  const Callbacks callbacks_;

  Leadership leadership_;
  std::atomic_flag loss_reported_;

  // Of the election's thread.
  std::string reported_leader_;
  bool election_reported_ = false;

  std::jthread campaign_;  // the threads are last: they use all of the above
  std::jthread watchdog_;
};

}  // namespace fumehood::kube
