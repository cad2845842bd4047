#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "controller/apply.h"
#include "controller/command_key.h"
#include "controller/finished_index.h"
#include "controller/metrics.h"
#include "lib/api/sandbox_command.h"
#include "lib/base/time.h"
#include "lib/kube/client.h"
#include "lib/kube/work_queue.h"
#include "lib/kube/workers.h"
#include "lib/service/log.h"

namespace fumehood::controller {

// Deletes finished commands: when their spec.ttlSecondsAfterFinished has passed, and earlier, the oldest first, when
// more bytes of them are kept than the limits allow. The watch shows unfinished commands only, so what is finished is
// known from the moment it left the watch, or from a sweep. Safe to call from several threads.
class Retention {
 public:
  // What this uses must outlive it.
  struct Parts {
    kube::Client& client;
    Apply& apply;
    kube::WorkQueue<CommandKey>& queue;
    const Clock& clock;
    const service::Log& log;
    ControllerMetrics& metrics;
    std::function<bool()> is_leader;
    RetentionLimits limits = {};
  };
  explicit Retention(Parts parts);

  // The command has finished or was deleted: look at it soon. Does not block.
  void OnCommandLeft(const api::SandboxCommand& last);

  // Call every few seconds. Sweeps when it is time to, or when a limit is exceeded: only a sweep knows what has been
  // deleted by others, and must not be deleted for.
  void SweepIfDue(std::stop_token stop);
  // The next SweepIfDue sweeps: a controller that begins to lead knows nothing of what is finished.
  void RequestSweep();

  // Finds finished commands that finished while nobody watched, or whose time was changed afterwards, and chooses what
  // exceeds the limits. Reads the server's printer columns only: results may be large.
  Status Sweep(std::stop_token stop);

  // Looks at a finished command, and deletes it if its time is over or it was chosen to make room.
  kube::Outcome Check(const CommandKey& key, std::stop_token stop);

  // Finished commands that are kept, as far as known.
  struct Kept {
    size_t commands = 0;
    int64_t bytes = 0;
  };
  Kept kept() const;

 private:
  // Why the command is to be deleted now; nothing: it isn't.
  std::optional<DeletionCause> CauseOfDeletion(const api::SandboxCommand& command);
  void Note(const api::SandboxCommand& command);
  void Forget(const CommandKey& key);
  kube::Outcome TryAgainUnlessOver(const Error& error, std::string_view tried);

  const Parts parts_;

  mutable std::mutex mutex_;  // guards what follows
  FinishedIndex finished_;
  std::map<CommandKey, LimitKind> chosen_;  // to make room
  bool sweep_requested_ = true;
  SteadyTime last_sweep_{};
};

}  // namespace fumehood::controller
