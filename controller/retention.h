#pragma once

#include <chrono>
#include <stop_token>

#include "controller/apply.h"
#include "controller/command_key.h"
#include "lib/api/sandbox_command.h"
#include "lib/base/time.h"
#include "lib/kube/client.h"
#include "lib/kube/work_queue.h"
#include "lib/kube/workers.h"
#include "lib/service/log.h"

namespace fumehood::controller {

// Deletes finished commands when their spec.ttlSecondsAfterFinished has passed. The watch shows unfinished commands
// only, so what is finished is known from the moment it left the watch, or from a sweep. Everything given must outlive
// it.
class Retention {
 public:
  Retention(kube::Client& client, Apply& apply, kube::WorkQueue<CommandKey>& queue, const Clock& clock,
            const service::Log& log);

  // The command has finished or was deleted: look at it when its time would be over. Does not block.
  void OnCommandLeft(const api::SandboxCommand& last);

  // Finds finished commands that finished while nobody watched, or whose time was changed afterwards. Reads the
  // server's printer columns only: results may be large.
  Status Sweep(std::stop_token stop);

  // Deletes the command if its time is over.
  kube::Outcome Check(const CommandKey& key, std::stop_token stop);

 private:
  kube::Client& client_;
  Apply& apply_;
  kube::WorkQueue<CommandKey>& queue_;
  const Clock& clock_;
  const service::Log& log_;
};

}  // namespace fumehood::controller
