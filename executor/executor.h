#pragma once

#include <stop_token>
#include <string>

#include "executor/assignments.h"
#include "executor/reporter.h"
#include "lib/api/sandbox_command.h"
#include "lib/base/time.h"
#include "lib/kube/store.h"
#include "lib/kube/work_queue.h"
#include "lib/kube/workers.h"
#include "lib/sandbox/command_runner.h"
#include "lib/service/log.h"

namespace fumehood::executor {

// Runs the commands that are bound to this node, each once per attempt, and reports what became of them.
// Everything it is given must outlive it. Safe to call from several threads.
class Executor {
 public:
  struct Parts {
    const Clock& clock;
    const service::Log& log;
    sandbox::CommandRunner& runner;
    Reporter& reporter;
    std::string handler;  // of the RuntimeClasses that it serves
  };
  explicit Executor(Parts parts);

  // Where the reflector puts this node's unfinished commands.
  kube::ObjectSink& commands_sink() { return commands_; }
  // Attempts to run: one thread per slot takes from here and calls RunAttempt.
  kube::WorkQueue<AttemptKey>& attempts() { return attempts_; }
  // Attempts that have been running for a while: one thread takes from here and calls MentionRunning.
  kube::WorkQueue<AttemptKey>& long_running() { return long_running_; }

  // Runs the command to its end and reports it; blocks for as long as both take.
  kube::Outcome RunAttempt(const AttemptKey& key, std::stop_token stop);
  // Says in the object that the command is running, if it still is.
  kube::Outcome MentionRunning(const AttemptKey& key, std::stop_token stop);
  // Kills what runs, and runs nothing that comes afterwards; nothing is reported for either.
  void Shutdown() { assignments_.KillAll(KillCause::kShutdown); }

 private:
  using Pointer = std::shared_ptr<const api::SandboxCommand>;
  void CommandChanged(const Pointer& before, const Pointer& after);
  Pointer FindCommand(const AttemptKey& key) const;
  Result<sandbox::RunResult> Run(const AttemptKey& key, const api::SandboxCommand& command, Assignment& assignment);
  void ReportResult(const api::SandboxCommand& command, const sandbox::RunResult& result, const Assignment& assignment,
                    std::stop_token stop);
  void HandBack(const api::SandboxCommand& command, const Error& error, std::stop_token stop);

  const Clock& clock_;
  const service::Log& log_;
  sandbox::CommandRunner& runner_;
  Reporter& reporter_;
  const std::string handler_;
  Assignments assignments_;
  kube::WorkQueue<AttemptKey> attempts_;
  kube::WorkQueue<AttemptKey> long_running_;
  kube::Store<api::SandboxCommand> commands_;
};

}  // namespace fumehood::executor
