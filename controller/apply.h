// Carries decisions out: each is one guarded write to the API server.
#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

#include "controller/command_key.h"
#include "controller/decide.h"
#include "lib/api/sandbox_command.h"
#include "lib/base/result.h"
#include "lib/base/time.h"
#include "lib/kube/client.h"
#include "lib/kube/consistency_store.h"

namespace fumehood::controller {

// Every write carries the resourceVersion that the decision was made from: it is refused with kConflict when anything
// has changed since, and the decision is made again from what is true then. Safe to call from several threads.
class Apply {
 public:
  // What this uses must outlive it.
  struct Parts {
    kube::Client& client;
    const Clock& clock;
    kube::ConsistencyStore& own_writes;  // learns what was written
    std::function<bool()> is_leader;     // asked before each write; without the lease nothing is written (kCancelled)
  };
  explicit Apply(Parts parts) : parts_(std::move(parts)) {}

  // Phase Scheduled, node, executor, the next attempt.
  Status Write(const api::SandboxCommand& command, const Bind& bind, std::stop_token stop);
  // Phase Pending, and why.
  Status Write(const api::SandboxCommand& command, const Wait& wait, std::stop_token stop);
  // The end, without a run.
  Status Write(const api::SandboxCommand& command, const End& end, std::stop_token stop);
  // Deletes this object, if it still is as it was in `resource_version`.
  Status Delete(const CommandKey& key, const std::string& resource_version, std::stop_token stop);

 private:
  Status Patch(const api::SandboxCommand& command, kube::Json status, std::stop_token stop);

  const Parts parts_;
};

// Whether the command's condition already says exactly this.
bool AlreadySays(const api::SandboxCommand& command, const Wait& wait);

}  // namespace fumehood::controller
