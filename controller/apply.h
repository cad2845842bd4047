// Carries decisions out: each is one guarded write to the API server.
#pragma once

#include <stop_token>
#include <string_view>

#include "controller/decide.h"
#include "lib/api/sandbox_command.h"
#include "lib/base/result.h"
#include "lib/base/time.h"
#include "lib/kube/client.h"

namespace fumehood::controller {

// Every write carries the resourceVersion that the decision was made from: it is refused with kConflict when anything
// has changed since, and the decision is made again from what is true then. `client` and `clock` must outlive this.
// Safe to call from several threads.
class Apply {
 public:
  Apply(kube::Client& client, const Clock& clock) : client_(client), clock_(clock) {}

  // Phase Scheduled, node, executor, the next attempt.
  Status Write(const api::SandboxCommand& command, const Bind& bind, std::stop_token stop);
  // Phase Pending, and why.
  Status Write(const api::SandboxCommand& command, const Wait& wait, std::stop_token stop);
  // The end, without a run.
  Status Write(const api::SandboxCommand& command, const End& end, std::stop_token stop);
  // Deletes exactly this version of this object.
  Status Delete(const api::SandboxCommand& command, std::stop_token stop);

 private:
  Status Patch(const api::SandboxCommand& command, const api::SandboxCommandStatus& changed, std::stop_token stop);

  kube::Client& client_;
  const Clock& clock_;
};

// Whether the command's condition already says exactly this.
bool AlreadySays(const api::SandboxCommand& command, const Wait& wait);

}  // namespace fumehood::controller
