#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>

#include "lib/base/backoff.h"
#include "lib/base/result.h"
#include "lib/base/time.h"
#include "lib/kube/client.h"
#include "lib/kube/lease.h"

namespace fumehood::kube {

// The periods are those of kubelets (pkg/kubelet/kubelet.go, k8s.io/component-helpers/apimachinery/lease).
struct LeaseHolderOptions {
  ObjectName lease;
  // Of this process and no other, not even of the one before it under the same pod's name: it tells rivals apart.
  std::string identity;
  // What the metadata of a lease has that we make: labels, ownerReferences. One that exists keeps its own.
  Json metadata = Json::object();
  std::chrono::seconds lease_duration{40};
  // Stretched by up to 4 %, so that many holders that started together don't renew together.
  std::chrono::milliseconds renew_period{10'000};
  // How long before the lease's end we no longer count on it: for clocks that don't run at the same rate, and for what
  // is done after IsHeld was asked.
  std::chrono::milliseconds safety_margin{5'000};
  // After a failure. With the jitter 1.5 s at most.
  BackoffPolicy retry = {.initial = std::chrono::milliseconds(200),
                         .max = std::chrono::milliseconds(1'000),
                         .factor = 2.0,
                         .jitter = 0.5,
                         .reset_after = std::chrono::milliseconds(10'000)};
};

// Keeps a Lease that is this process' alone, such as the one that says that a node's executor is there: makes it or
// takes it over, whoever holds it, and renews it from a thread of its own until destroyed. It is not given back then:
// whether a successor comes at once or never, the lease's end tells.
//
// Whoever constructs a holder knows to be the only legitimate one at that moment; so of two, the newcomer is right.
// When an identity appears in the lease that wasn't there when we first looked, we are the old one: the lease is lost
// for good, and is not written again. A failure is tried again within two seconds.
class LeaseHolder {
 public:
  // Both are called from the holder's thread.
  struct Callbacks {
    std::function<void(const std::string& rival)> on_lost;  // at most once
    std::function<void(const Error&)> on_problem;           // something failed, and is tried again
  };

  // kInvalid where the options contradict one another. `client` and `clock` must outlive the holder. The clock should
  // be one that goes on while the machine is suspended (BootTimeClock): others see the lease end meanwhile.
  static Result<std::unique_ptr<LeaseHolder>> Create(Client& client, const Clock& clock, LeaseHolderOptions options,
                                                     Callbacks callbacks);

  // Whether the lease can't have ended for anybody who watches it: false before it was first written, and when the last
  // renewal that is known to have succeeded was SENT longer ago than the lease's duration without the safety margin.
  // Comes back with the next success unless the lease is lost. Cheap; safe to call from any thread.
  bool IsHeld() const { return clock_.SteadyNow() < held_until_.load(); }

 private:
  enum class Renewal { kDone, kFailed, kLost };

  LeaseHolder(Client& client, const Clock& clock, LeaseHolderOptions options, Callbacks callbacks);

  void RenewUntilStopped(std::stop_token stop);
  Renewal Renew(const std::stop_token& stop);
  Renewal ReadAndRenew(const std::stop_token& stop);
  Lease Ours(Lease lease) const;
  template <typename Write>
  Status Hold(const Write& write);
  Renewal Failed(const Error& error, const std::stop_token& stop) const;
  std::chrono::milliseconds NextPeriod();

  Client& client_;
  const Clock& clock_;
  const LeaseHolderOptions options_;
  const Callbacks callbacks_;

  // Of the thread.
  std::optional<Lease> last_;                 // as we wrote it, while we know of nothing newer
  std::optional<std::string> may_take_from_;  // the only other holder that isn't a rival; nothing before the first look
  Backoff backoff_;
  std::minstd_rand random_{std::random_device{}()};

  std::atomic<SteadyTime> held_until_{SteadyTime::min()};
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace fumehood::kube
