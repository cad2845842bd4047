#include "lib/kube/candidate.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace fumehood::kube {
namespace {

using namespace std::chrono_literals;

constexpr double kJitter = 1.2;
// The API wants a positive number. A released lease is free whatever it says.
constexpr auto kReleasedDuration = 1s;

// What the holder promised; nobody can wait for longer than the API's int32 says.
std::chrono::seconds DurationOf(const Lease& lease, std::chrono::seconds otherwise) {
  if (!lease.duration || *lease.duration <= 0s) return otherwise;
  return std::min<std::chrono::seconds>(*lease.duration, std::chrono::seconds(std::numeric_limits<int32_t>::max()));
}

}  // namespace

Status Validate(const ElectionOptions& options) {
  if (options.identity.empty() || options.lease.name.empty()) {
    return Fail(ErrorCode::kInvalid, "leader election: the identity or the lease's name is missing");
  }
  if (options.retry_period <= 0ms) {
    return Fail(ErrorCode::kInvalid, "leader election: the retry period of {} ms is not positive",
                options.retry_period.count());
  }
  if (options.renew_deadline <= kJitter * options.retry_period) {
    return Fail(ErrorCode::kInvalid,
                "leader election: the renew deadline of {} ms must be longer than {} retry periods of {} ms",
                options.renew_deadline.count(), kJitter, options.retry_period.count());
  }
  if (options.lease_duration <= options.renew_deadline) {
    return Fail(ErrorCode::kInvalid,
                "leader election: the lease duration of {} s must be longer than the renew deadline of {} ms",
                options.lease_duration.count(), options.renew_deadline.count());
  }
  return {};
}

Candidate::Candidate(ElectionOptions options, Leadership& leadership, unsigned seed)
    : options_(std::move(options)), leadership_(leadership), random_(seed) {}

Candidate::Step Candidate::Try(Moment now) {
  leadership_.EndIfOverdue(now.steady);
  if (leadership_.has_ended()) return Over{};
  if (!leadership_.has_begun()) return Ask(Asked::kRead, Read{}, now);
  return Ask(Asked::kRenewal, Update{Ours(*seen_, now)}, now);
}

Candidate::Step Candidate::Answered(Result<Lease> answer, Moment now) {
  const Asked asked = std::exchange(asked_, Asked::kNothing);
  switch (asked) {
    case Asked::kNothing: return Later();
    case Asked::kRenewal:
      if (answer) return OnClaimed(std::move(answer), now);
      if (answer.error().code == ErrorCode::kUnavailable) return Later();  // certainly not written
      return Ask(Asked::kRead, Read{}, now);
    case Asked::kRead: return OnRead(answer, now);
    case Asked::kClaim: return OnClaimed(std::move(answer), now);
    case Asked::kReadToRelease:
      if (!answer || answer->holder_identity != options_.identity) return Over{};
      return Ask(Asked::kReleaseAgain, Update{Nobodys(*std::move(answer), now)}, now);
    case Asked::kRelease:
      if (answer || answer.error().code != ErrorCode::kConflict) return Over{};
      return Ask(Asked::kReadToRelease, Read{}, now);
    case Asked::kReleaseAgain: return Over{};
  }
  return Over{};
}

Candidate::Step Candidate::Release(Moment now) {
  const bool held = leadership_.IsHeld(now.steady);
  // A renewal under way may have changed the version; then the first write is a conflict.
  const bool claim_under_way = asked_ == Asked::kClaim;
  leadership_.End();
  if (held) return Ask(Asked::kRelease, Update{Nobodys(*seen_, now)}, now);
  if (may_be_ours_ || claim_under_way) return Ask(Asked::kReadToRelease, Read{}, now);
  return Over{};
}

template <typename Request>
Candidate::Step Candidate::Ask(Asked what, Request request, Moment now) {
  asked_ = what;
  asked_at_ = now.steady;
  return request;
}

// Leaders renew regularly; the others come at random, so that they don't all ask together.
Candidate::Step Candidate::Later() {
  if (leadership_.has_begun()) return Wait{options_.retry_period};
  const double stretch = 1.0 + kJitter * std::uniform_real_distribution<>(0.0, 1.0)(random_);
  return Wait{std::chrono::duration_cast<std::chrono::milliseconds>(options_.retry_period * stretch)};
}

Candidate::Step Candidate::OnRead(const Result<Lease>& answer, Moment now) {
  if (!answer) return answer.error().code == ErrorCode::kNotFound ? OnGone(now) : Later();
  See(*answer, now);
  may_be_ours_ = false;
  if (leadership_.has_begun() && answer->holder_identity != options_.identity) {
    leadership_.End();
    return Over{};
  }
  if (SomebodyElseMayHold(now)) return Later();
  return Ask(Asked::kClaim, Update{Ours(*answer, now)}, now);
}

Candidate::Step Candidate::OnGone(Moment now) {
  if (!std::exchange(gone_, true)) seen_to_change_ = now.steady;
  if (SomebodyElseMayHold(now)) return Later();
  Lease lease{.metadata = {.ns = options_.lease.ns, .name = options_.lease.name},
              .holder_identity = options_.identity,
              .acquire_time = NextRenewTime({}, now.wall)};
  if (seen_) {
    // The transitions go on, since they may tell an old leader's writes from a new one's.
    lease.holder_identity = seen_->holder_identity;
    lease.acquire_time = seen_->acquire_time;
    lease.transitions = seen_->transitions;
  }
  return Ask(Asked::kClaim, Create{Ours(std::move(lease), now)}, now);
}

// A write that makes us the leader, or leaves us so, was answered.
Candidate::Step Candidate::OnClaimed(Result<Lease> answer, Moment now) {
  if (!answer) {
    const ErrorCode code = answer.error().code;
    may_be_ours_ = code == ErrorCode::kOutcomeUnknown || code == ErrorCode::kCancelled;
    return Later();
  }
  See(*std::move(answer), now);
  may_be_ours_ = !leadership_.Extend(asked_at_ + options_.renew_deadline, now.steady);
  if (leadership_.has_ended()) return Over{};
  return Later();
}

void Candidate::See(Lease lease, Moment now) {
  if (!seen_ || gone_ || !SameRecord(*seen_, lease)) seen_to_change_ = now.steady;
  gone_ = false;
  seen_ = std::move(lease);
}

bool Candidate::SomebodyElseMayHold(Moment now) const {
  if (!seen_ || leadership_.has_begun()) return false;
  auto duration = DurationOf(*seen_, options_.lease_duration);
  if (gone_) {
    // What was there last need not be what we saw last, even where that was nobody's or ours.
    duration = std::max(duration, options_.lease_duration);
  } else if (seen_->holder_identity.empty() || seen_->holder_identity == options_.identity) {
    return false;
  }
  return now.steady < seen_to_change_ + duration;
}

// The lease as it is to be written now.
Lease Candidate::Ours(Lease lease, Moment now) const {
  lease.renew_time = NextRenewTime(lease, now.wall);
  lease.duration = options_.lease_duration;
  if (lease.holder_identity != options_.identity) {
    lease.holder_identity = options_.identity;
    lease.acquire_time = lease.renew_time;
    ++lease.transitions;
  }
  return lease;
}

Lease Candidate::Nobodys(Lease lease, Moment now) {
  lease.renew_time = NextRenewTime(lease, now.wall);
  lease.duration = kReleasedDuration;
  lease.holder_identity.clear();
  return lease;
}

}  // namespace fumehood::kube
