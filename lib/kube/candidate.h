// One candidate's part in a leader election over a Lease, as a step function: no IO, no clock, no thread.
//
//          Try, Answered
//   now ──────────────────▶ a request to send, or a time to wait ──▶ its answer, and when it came
//
// The rules are those of client-go (tools/leaderelection/leaderelection.go): the leader renews with the version that it
// wrote last and reads only when that fails; another's lease has ended when it wasn't seen to CHANGE for its duration
// by our own clock, whatever times are written in it. So clocks may differ, and must only run at about the same rate.
// Two things are stricter:
//  - A leader counts from when its last successful renewal was SENT. The others can't have seen that renewal before, so
//    they wait for longer. Counted from the answer, a slow one would leave two leaders.
//  - A lease that disappears has changed, no more: whoever has ever seen it waits for the duration. Only who hasn't
//    makes a new one at once.
//
// An election excludes a second leader only while a leader's clock runs and its writes arrive when they are sent. A
// write that was delayed has to be refused by what it writes to.
#pragma once

#include <chrono>
#include <optional>
#include <random>
#include <string>
#include <variant>

#include "lib/base/result.h"
#include "lib/base/time.h"
#include "lib/kube/client.h"
#include "lib/kube/leadership.h"
#include "lib/kube/lease.h"

namespace fumehood::kube {

// The times are client-go's.
struct ElectionOptions {
  ObjectName lease;
  // Of this process and no other, ever: a pod's name and something random.
  std::string identity;
  // How long the others wait for a leader that no longer renews.
  std::chrono::seconds lease_duration{15};
  // How long a leader leads after it sent its last successful renewal.
  std::chrono::milliseconds renew_deadline{10'000};
  // Between two renewals; a candidate that waits stretches it by up to 1.2 of itself.
  std::chrono::milliseconds retry_period{2'000};
};

// kInvalid unless lease_duration > renew_deadline > 1.2 · retry_period > 0, with a name and an identity.
Status Validate(const ElectionOptions& options);

struct Moment {
  SteadyTime steady;
  WallTime wall;
};

class Candidate {
 public:
  struct Read {};
  struct Create {
    Lease lease;
  };
  struct Update {
    Lease lease;
  };
  // Call Try after so long.
  struct Wait {
    std::chrono::milliseconds delay{0};
  };
  // Nothing more, for good: the leadership was lost, or has been released.
  struct Over {};
  // Of Read, Create and Update the answer goes to Answered.
  using Step = std::variant<Read, Create, Update, Wait, Over>;

  // Begins, extends and ends `leadership`, which must outlive the candidate. The options are valid.
  Candidate(ElectionOptions options, Leadership& leadership, unsigned seed);

  // `now` is never later than the moment at which the request that is returned is sent.
  Step Try(Moment now);
  // `now` is never earlier than the moment at which the answer arrived.
  Step Answered(Result<Lease> answer, Moment now);
  // Ends the leadership and gives the lease back, if it is or may be ours, so that another candidate need not wait. An
  // answer that is awaited still is given up.
  Step Release(Moment now);

  // Who held the lease when it was last seen; empty: nobody.
  std::string leader() const { return seen_ ? seen_->holder_identity : ""; }

 private:
  enum class Asked { kNothing, kRenewal, kRead, kClaim, kReadToRelease, kRelease, kReleaseAgain };

  template <typename Request>
  Step Ask(Asked what, Request request, Moment now);
  Step Later();
  Step OnRead(const Result<Lease>& answer, Moment now);
  Step OnGone(Moment now);
  Step OnClaimed(Result<Lease> answer, Moment now);
  void See(Lease lease, Moment now);
  bool SomebodyElseMayHold(Moment now) const;
  Lease Ours(Lease lease, Moment now) const;
  static Lease Nobodys(Lease lease, Moment now);

  const ElectionOptions options_;
  Leadership& leadership_;
  std::minstd_rand random_;

  Asked asked_ = Asked::kNothing;
  SteadyTime asked_at_;
  bool may_be_ours_ = false;   // a claim's outcome is unknown
  std::optional<Lease> seen_;  // the last record that was read or written
  bool gone_ = false;          // when last looked for, there was none
  SteadyTime seen_to_change_;  // when seen_ or gone_ last did
};

}  // namespace fumehood::kube
