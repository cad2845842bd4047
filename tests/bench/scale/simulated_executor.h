#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>

#include "executor/assignments.h"
#include "executor/registration.h"
#include "lib/api/sandbox_command.h"
#include "lib/base/result.h"
#include "lib/base/time.h"
#include "lib/kube/client.h"
#include "lib/kube/lease_holder.h"
#include "lib/kube/store.h"
#include "lib/kube/watch_health.h"
#include "tests/bench/scale/results.h"

namespace fumehood::bench {

// What the API server sees of an executor: a SandboxExecutor, a Lease that is renewed, a watch of its own commands, and
// a result for each attempt that is bound to it. There is no sandbox behind it.
class SimulatedExecutor {
 public:
  struct Parts {
    kube::Client& client;
    const Clock& clock;
    Results& results;
    std::string ns;  // of the Lease
    std::string node_name;
    int64_t slots = 0;
  };
  // Makes its Node and its SandboxExecutor, and begins to renew the Lease and to watch. What `parts` refer to must
  // outlive it. kAlreadyExists where there is such a node.
  static Result<std::unique_ptr<SimulatedExecutor>> Start(const Parts& parts);

  // The Lease is held, and the watch is open.
  bool IsServing() const;
  // Writes the SandboxExecutor again when it is due; call it every few seconds.
  void Upkeep(std::stop_token stop);

 private:
  explicit SimulatedExecutor(const Parts& parts);
  void Watch(std::stop_token stop);

  const Parts parts_;
  executor::Registration registration_;
  executor::Assignments assignments_;
  kube::WatchHealth watch_health_;
  kube::Store<api::SandboxCommand> commands_;
  std::unique_ptr<kube::LeaseHolder> lease_;
  std::jthread watch_;  // last: it uses the above
};

}  // namespace fumehood::bench
