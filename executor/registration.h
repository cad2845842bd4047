#pragma once

#include <chrono>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "executor/image_trials.h"
#include "lib/api/sandbox_executor.h"
#include "lib/base/result.h"
#include "lib/base/time.h"
#include "lib/kube/client.h"

namespace fumehood::executor {

// What this executor offers, for as long as it lives.
struct Offer {
  std::string node_name;
  api::ExecutorReference executor;
  int64_t slots = 0;
  api::Allocatable allocatable = {};
  std::string handler;
  api::RuntimeStatus runtime;
};

// Whether the executor takes commands, and if not, why; and the images that it can run them with.
struct Readiness {
  bool ready = true;
  std::string reason;
  std::string message;
  std::vector<std::string> images;

  bool operator==(const Readiness&) const = default;
};

// What follows from the images alone: not ready without any.
Readiness ReadinessOf(ImageTrials::Standing images);
Readiness Draining(ImageTrials::Standing images);
Readiness LedgerUnavailable(const Error& error, ImageTrials::Standing images);

// Keeps the SandboxExecutor of this node as it should be; that the executor is alive, its Lease says. `client` and
// `clock` must outlive it. Safe to call from several threads.
class Registration {
 public:
  // Somebody may have changed or deleted the object: so often it is written though nothing is new.
  static constexpr std::chrono::seconds kRewritePeriod{60};

  Registration(kube::Client& client, const Clock& clock, Offer offer);

  // Writes the object, making it where there is none, unless it was written like this within the period.
  Status Refresh(const Readiness& readiness, std::stop_token stop);

 private:
  api::SandboxExecutorStatus StatusLocked(const Readiness& readiness);
  Status Write(const api::SandboxExecutorStatus& status, std::stop_token stop);

  kube::Client& client_;
  const Clock& clock_;
  const Offer offer_;

  std::mutex mutex_;  // guards what follows
  std::optional<Readiness> said_;
  WallTime since_{};      // when `said_` became so
  SteadyTime written_{};  // when it was written last
};

}  // namespace fumehood::executor
