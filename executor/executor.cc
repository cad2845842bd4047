#include "executor/executor.h"

#include <memory>
#include <utility>
#include <variant>

#include "executor/outcome.h"
#include "executor/patches.h"
#include "executor/run_plan.h"
#include "lib/api/names.h"
#include "lib/api/validation.h"

namespace fumehood::executor {
namespace {

using service::kv;
using std::chrono::milliseconds;

// A command that ends sooner than this costs no write that says it runs.
constexpr milliseconds kShortRun{500};

bool WantsResult(KillCause cause) { return cause == KillCause::kNone || cause == KillCause::kCancelled; }

std::string_view ToString(KillCause cause) {
  switch (cause) {
    case KillCause::kNone: return "none";
    case KillCause::kCancelled: return "cancelled";
    case KillCause::kGone: return "the object is gone";
    case KillCause::kShutdown: break;
  }
  return "the executor ends";
}

}  // namespace

Executor::Executor(Parts parts)
    : clock_(parts.clock),
      log_(parts.log),
      runner_(parts.runner),
      reporter_(parts.reporter),
      handler_(std::move(parts.handler)),
      attempts_(clock_),
      long_running_(clock_),
      commands_(api::ReadSandboxCommand,
                {.on_change = [this](const Pointer& before, const Pointer& after) { CommandChanged(before, after); },
                 .on_problem =
                     [this](const Error& error) {
                       log_.Warning("watch interrupted, will try again", {kv("error", error.message)});
                     }}) {}

void Executor::CommandChanged(const Pointer& before, const Pointer& after) {
  if (!after) return assignments_.Leave(before->metadata.uid);
  if (!after->IsBound()) return;
  const bool is_new = assignments_.Take(KeyOf(*after));
  if (after->IsCancelled()) assignments_.Kill(after->metadata.uid, KillCause::kCancelled);
  if (is_new) attempts_.Add(KeyOf(*after));
}

Executor::Pointer Executor::FindCommand(const AttemptKey& key) const {
  auto command = commands_.Find(key.name);
  return command && KeyOf(*command) == key ? command : nullptr;
}

kube::Outcome Executor::RunAttempt(const AttemptKey& key, std::stop_token stop) {
  const auto command = FindCommand(key);
  const auto assignment = assignments_.Find(key);
  if (!command || !assignment) return kube::Settled{};

  const auto result = Run(key, *command, *assignment);
  assignment->SetEnded();
  if (!WantsResult(assignment->kill_cause())) {
    log_.Info("command killed, nobody wants its result",
              {kv("command", FullName(command->metadata)), kv("uid", key.uid),
               kv("cause", ToString(assignment->kill_cause()))});
    return kube::Settled{};
  }
  if (result) {
    ReportResult(*command, *result, *assignment, stop);
  } else {
    HandBack(*command, result.error(), stop);
  }
  return kube::Settled{};
}

Result<sandbox::RunResult> Executor::Run(const AttemptKey& key, const api::SandboxCommand& command,
                                         Assignment& assignment) {
  if (assignment.token().stop_requested()) {
    sandbox::RunResult cancelled;
    cancelled.ending = sandbox::Cancelled{};
    return cancelled;
  }
  // The controller has checked this too; a spec from elsewhere must not reach the sandbox.
  if (Status valid = api::Validate(command.spec); !valid) return std::unexpected(valid.error());
  log_.Debug("command starts", {kv("command", FullName(command.metadata)), kv("uid", key.uid)});
  const auto on_started = [&] {
    assignment.SetStarted(clock_.WallNow());
    long_running_.AddAfter(key, kShortRun);
  };
  return runner_.Run(PlanRun(command.spec), on_started, assignment.token());
}

void Executor::ReportResult(const api::SandboxCommand& command, const sandbox::RunResult& result,
                            const Assignment& assignment, std::stop_token stop) {
  const RunCircumstances circumstances{handler_, assignment.start_time(), clock_.WallNow()};
  api::SandboxCommandStatus status;
  const auto make_patch = [&](uint64_t max_output_bytes) {
    status = FinishedStatus(command, result, circumstances, max_output_bytes);
    return ResultPatch(command, status);
  };
  const auto answer = reporter_.Report(command, make_patch, stop);
  const auto* finished = api::FindCondition(status.conditions, api::condition::kFinished);
  const std::string_view text = answer == Reporter::Answer::kAccepted     ? "command finished"
                                : answer == Reporter::Answer::kSuperseded ? "result not wanted any more"
                                                                          : "result not reported, the executor ends";
  log_.Info(text, {kv("command", FullName(command.metadata)), kv("uid", command.metadata.uid),
                   kv("attempt", command.status.attempt), kv("reason", finished != nullptr ? finished->reason : ""),
                   kv("millis", status.duration.value_or(milliseconds(0)).count())});
}

void Executor::HandBack(const api::SandboxCommand& command, const Error& error, std::stop_token stop) {
  log_.Error("can't run a command, handing it back",
             {kv("command", FullName(command.metadata)), kv("uid", command.metadata.uid), kv("error", error.message)});
  const WallTime now = clock_.WallNow();
  reporter_.Report(command, [&](uint64_t) { return HandBackPatch(command, error.message, now); }, stop);
}

kube::Outcome Executor::MentionRunning(const AttemptKey& key, std::stop_token stop) {
  const auto command = FindCommand(key);
  const auto assignment = assignments_.Find(key);
  if (!command || !assignment || assignment->ended()) return kube::Settled{};
  const auto start_time = assignment->start_time();
  if (!start_time) return kube::Settled{};
  // A refusal means that the result is there already, or that the API server is away: then the result will do.
  const Status mentioned = reporter_.Mention(*command, RunningPatch(*command, *start_time), stop);
  if (!mentioned) {
    log_.Debug("running command not mentioned",
               {kv("command", FullName(command->metadata)), kv("error", mentioned.error().message)});
  }
  return kube::Settled{};
}

}  // namespace fumehood::executor
