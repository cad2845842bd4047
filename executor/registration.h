#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "lib/api/sandbox_executor.h"
#include "lib/base/result.h"
#include "lib/base/time.h"
#include "lib/kube/client.h"

namespace fumehood::executor {

// What this executor offers, for as long as it lives.
struct Offer {
  std::string node_name;
  api::ExecutorReference executor;
  WallTime since{};  // when this executor came to be
  int64_t slots = 0;
  std::vector<std::string> images;
  std::string handler;
  api::RuntimeStatus runtime;
};

enum class Availability { kServing, kStopping };

// The executor's SandboxExecutor as it should be now. Pure. Without an image it is not ready, and says so.
api::SandboxExecutorStatus ExecutorStatus(const Offer& offer, Availability availability, WallTime now);

// Writes the SandboxExecutor of this node, making it where there is none.
Status Register(kube::Client& client, const Offer& offer, Availability availability, WallTime now,
                std::stop_token stop);

}  // namespace fumehood::executor
