#include "lib/kube/lease_holder.h"

#include <pthread.h>

#include <utility>

#include "lib/base/sleep.h"

namespace fumehood::kube {
namespace {

using namespace std::chrono_literals;

constexpr double kPeriodJitter = 0.04;

Status Validate(const LeaseHolderOptions& options) {
  if (options.identity.empty()) return Fail(ErrorCode::kInvalid, "hold a lease: the identity is missing");
  if (options.renew_period <= 0ms || options.safety_margin < 0ms) {
    return Fail(ErrorCode::kInvalid, "hold a lease: a renew period of {} ms and a safety margin of {} ms make no sense",
                options.renew_period.count(), options.safety_margin.count());
  }
  if (options.lease_duration - options.safety_margin <= options.renew_period) {
    return Fail(ErrorCode::kInvalid,
                "hold a lease: its {} s without the safety margin of {} ms end before the next renewal, after {} ms",
                options.lease_duration.count(), options.safety_margin.count(), options.renew_period.count());
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<LeaseHolder>> LeaseHolder::Create(Client& client, const Clock& clock, LeaseHolderOptions options,
                                                         Callbacks callbacks) {
  if (Status valid = Validate(options); !valid) return Forward(std::move(valid));
  return std::unique_ptr<LeaseHolder>(new LeaseHolder(client, clock, std::move(options), std::move(callbacks)));
}

LeaseHolder::LeaseHolder(Client& client, const Clock& clock, LeaseHolderOptions options, Callbacks callbacks)
    : client_(client),
      clock_(clock),
      options_(std::move(options)),
      callbacks_(std::move(callbacks)),
      backoff_(options_.retry),
      thread_([this](std::stop_token stop) { RenewUntilStopped(stop); }) {
  pthread_setname_np(thread_.native_handle(), "lease-holder");
}

void LeaseHolder::RenewUntilStopped(std::stop_token stop) {
  while (!stop.stop_requested()) {
    switch (Renew(stop)) {
      case Renewal::kDone:
        backoff_.Reset();
        SleepUnlessStopped(NextPeriod(), stop);
        break;
      case Renewal::kFailed: SleepUnlessStopped(backoff_.Next(clock_.SteadyNow()), stop); break;
      case Renewal::kLost: return;
    }
  }
}

LeaseHolder::Renewal LeaseHolder::Renew(const std::stop_token& stop) {
  if (!last_) return ReadAndRenew(stop);
  const Lease last = *std::exchange(last_, std::nullopt);
  const Status renewed = Hold([&] { return UpdateLease(client_, Ours(last), stop); });
  if (renewed) return Renewal::kDone;
  if (renewed.error().code == ErrorCode::kUnavailable) {
    last_ = last;  // certainly not written
    return Failed(renewed.error(), stop);
  }
  return ReadAndRenew(stop);
}

LeaseHolder::Renewal LeaseHolder::ReadAndRenew(const std::stop_token& stop) {
  const Result<Lease> found = GetLease(client_, options_.lease, stop);
  Status held;
  if (found) {
    const std::string& holder = found->holder_identity;
    if (!may_take_from_) may_take_from_ = holder;
    if (!holder.empty() && holder != options_.identity && holder != *may_take_from_) {
      held_until_ = SteadyTime::min();
      callbacks_.on_lost(holder);
      return Renewal::kLost;
    }
    held = Hold([&] { return UpdateLease(client_, Ours(*found), stop); });
  } else if (found.error().code == ErrorCode::kNotFound) {
    if (!may_take_from_) may_take_from_.emplace();
    Lease lease{.metadata = {.ns = options_.lease.ns, .name = options_.lease.name},
                .holder_identity = options_.identity,
                .acquire_time = NextRenewTime({}, clock_.WallNow()),
                .object = {{"metadata", options_.metadata}}};
    held = Hold([&] { return CreateLease(client_, Ours(std::move(lease)), stop); });
  } else {
    return Failed(found.error(), stop);
  }
  return held ? Renewal::kDone : Failed(held.error(), stop);
}

// The lease as it is to be written now.
Lease LeaseHolder::Ours(Lease lease) const {
  lease.renew_time = NextRenewTime(lease, clock_.WallNow());
  lease.duration = options_.lease_duration;
  if (lease.holder_identity != options_.identity) {
    lease.holder_identity = options_.identity;
    lease.acquire_time = lease.renew_time;
    ++lease.transitions;
  }
  return lease;
}

// Sends one write of ours; counts from before it is sent, since the lease does too at the latest.
template <typename Write>
Status LeaseHolder::Hold(const Write& write) {
  const SteadyTime sent = clock_.SteadyNow();
  Result<Lease> written = write();
  if (!written) return Forward(std::move(written));
  last_ = std::move(*written);
  may_take_from_ = options_.identity;
  held_until_ = sent + options_.lease_duration - options_.safety_margin;
  return {};
}

LeaseHolder::Renewal LeaseHolder::Failed(const Error& error, const std::stop_token& stop) const {
  if (!stop.stop_requested()) callbacks_.on_problem(error);
  return Renewal::kFailed;
}

std::chrono::milliseconds LeaseHolder::NextPeriod() {
  const double stretch = 1.0 + kPeriodJitter * std::uniform_real_distribution<>(0.0, 1.0)(random_);
  return std::chrono::duration_cast<std::chrono::milliseconds>(options_.renew_period * stretch);
}

}  // namespace fumehood::kube
