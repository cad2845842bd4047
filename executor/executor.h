#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>
#include <string>

#include "executor/assignments.h"
#include "executor/ledger.h"
#include "executor/metrics.h"
#include "executor/reporter.h"
#include "lib/api/configuration.h"
#include "lib/api/sandbox_command.h"
#include "lib/base/time.h"
#include "lib/kube/store.h"
#include "lib/kube/work_queue.h"
#include "lib/kube/workers.h"
#include "lib/sandbox/command_runner.h"
#include "lib/service/log.h"

namespace fumehood::executor {

// Runs the commands that are bound to this node, each once per attempt, and tells the reporter what became of them.
// Everything it is given must outlive it. Safe to call from several threads.
class Executor {
 public:
  struct Parts {
    const Clock& clock;
    const service::Log& log;
    sandbox::CommandRunner& runner;
    Ledger& ledger;
    Reporter& reporter;
    ExecutorMetrics& metrics;
    // Whether our lease holds: while it doesn't, the controller may have given our commands to somebody else.
    std::function<bool()> may_start;
    std::string handler;                                                       // of the RuntimeClasses that it serves
    std::function<std::shared_ptr<const api::Configuration>()> configuration;  // as it is now, never null
    kube::WorkQueueObserver* queue_observer = nullptr;
    // Hears that a command could not be run, though nothing is known to be wrong with it.
    std::function<void()> on_failed_run = [] {};
  };
  explicit Executor(Parts parts);

  // Settles what an earlier executor of this node has left: results that were not reported are, and attempts that were
  // started and have no ending are given back. Call once, before the reflector begins.
  void Recover(std::span<const Ledger::Entry> entries);

  // Where the reflector puts this node's unfinished commands.
  kube::ObjectSink& commands_sink() { return commands_; }
  // Attempts to run: one thread per slot takes from here and calls RunAttempt.
  kube::WorkQueue<AttemptKey>& attempts() { return attempts_; }
  // Attempts that have been running for a while: one thread takes from here and calls MentionRunning.
  kube::WorkQueue<AttemptKey>& long_running() { return long_running_; }

  // Runs the command to its end; blocks for as long as it takes.
  kube::Outcome RunAttempt(const AttemptKey& key, std::stop_token stop);
  // Says in the object that the command is running, if it still is.
  kube::Outcome MentionRunning(const AttemptKey& key, std::stop_token stop);

  // From now on nothing is started: what waits is given back, and so is whatever comes. What runs goes on.
  void Drain();
  // Kills what runs; it is given back.
  void KillAll() { assignments_.KillAll(KillCause::kDraining); }
  // Waits until nothing runs; false when something still does after `patience`, or when `stop` is requested.
  bool WaitUntilNothingRuns(std::chrono::milliseconds patience, std::stop_token stop);

 private:
  using Pointer = std::shared_ptr<const api::SandboxCommand>;
  class Running;  // counts an attempt while it lives

  void CommandChanged(const Pointer& before, const Pointer& after);
  Pointer FindCommand(const AttemptKey& key) const;
  // Unless somebody runs it or gives it back already.
  void GiveBackUnclaimed(const AttemptKey& key, const HandBack& why);
  // Empty: it may. Else when to look at the attempt again, or that it is not to be run.
  std::optional<kube::Outcome> CheckThatItMayStart(const AttemptKey& key, Assignment& assignment, std::stop_token stop);
  void Run(const AttemptKey& key, const api::SandboxCommand& command, Assignment& assignment);
  void End(const AttemptKey& key, const api::SandboxCommand& command, Assignment& assignment,
           sandbox::RunResult result);

  const Clock& clock_;
  const service::Log& log_;
  sandbox::CommandRunner& runner_;
  Ledger& ledger_;
  Reporter& reporter_;
  ExecutorMetrics& metrics_;
  const std::function<bool()> may_start_;
  const std::string handler_;
  const std::function<std::shared_ptr<const api::Configuration>()> configuration_;
  const std::function<void()> on_failed_run_;
  std::atomic<bool> draining_ = false;
  Assignments assignments_;
  kube::WorkQueue<AttemptKey> attempts_;
  kube::WorkQueue<AttemptKey> long_running_;
  kube::Store<api::SandboxCommand> commands_;

  std::mutex mutex_;  // guards what follows
  std::condition_variable_any ended_;
  int running_ = 0;
};

}  // namespace fumehood::executor
