#include "executor/executor.h"

#include <memory>
#include <utility>
#include <variant>

#include "executor/outcome.h"
#include "executor/outcome_record.h"
#include "executor/run_plan.h"
#include "lib/api/names.h"
#include "lib/api/validation.h"

namespace fumehood::executor {
namespace {

using service::kv;
using std::chrono::milliseconds;

// A command that ends sooner than this costs no write that says it runs.
constexpr milliseconds kShortRun{500};
// How often an attempt that waits for our lease, or for the API server, looks whether it may start.
constexpr milliseconds kLookAgain{200};

HandBack Lost() {
  return {std::string(api::reason::kExecutorLost), "the executor ended while the command was running"};
}

HandBack LedgerLost() {
  return {std::string(api::reason::kExecutorLost),
          "the node's ledger is gone: whether an earlier executor has started the command is unknown"};
}

HandBack Draining() { return {std::string(api::reason::kDraining), "the executor of the node is being drained"}; }

// Says what kind of failure it was, and no more: the rest names the node's own files, which are not the user's
// business.
HandBack Rejected(std::string_view tried, const Error& error) {
  return {std::string(api::reason::kRejected),
          fmt::format("the executor could not {} ({}); its log says why", tried, ToString(error.code))};
}

bool WasKilledByUs(const sandbox::RunResult& result) {
  return std::holds_alternative<sandbox::Cancelled>(result.ending);
}

sandbox::RunResult NeverStarted() {
  sandbox::RunResult result;
  result.ending = sandbox::Cancelled{};
  return result;
}

sandbox::RunResult NotAllowed(const api::Configuration& configuration, const api::SandboxCommand& command) {
  sandbox::RunResult result;
  result.ending =
      sandbox::NotStarted{.cause = sandbox::NotStarted::Cause::kRepositoryUnavailable,
                          .message = DescribeRefusal(configuration, command.metadata.ns, command.spec.repository.path)};
  return result;
}

}  // namespace

class Executor::Running {
 public:
  explicit Running(Executor& executor) : executor_(executor) {
    std::lock_guard lock(executor_.mutex_);
    ++executor_.running_;
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running() {
    std::lock_guard lock(executor_.mutex_);
    --executor_.running_;
    executor_.ended_.notify_all();
  }

 private:
  Executor& executor_;
};

Executor::Executor(Parts parts)
    : clock_(parts.clock),
      log_(parts.log),
      runner_(parts.runner),
      ledger_(parts.ledger),
      reporter_(parts.reporter),
      metrics_(parts.metrics),
      may_start_(std::move(parts.may_start)),
      handler_(std::move(parts.handler)),
      configuration_(std::move(parts.configuration)),
      on_failed_run_(std::move(parts.on_failed_run)),
      attempts_(clock_, {}, parts.queue_observer),
      long_running_(clock_),
      commands_(api::ReadSandboxCommand,
                {.on_change = [this](const Pointer& before, const Pointer& after) { CommandChanged(before, after); },
                 .on_problem =
                     [this](const Error& error) {
                       log_.Warning("watch interrupted, will try again", {kv("error", error.message)});
                     }}) {}

void Executor::Recover(std::span<const Ledger::Entry> entries) {
  for (const Ledger::Entry& entry : entries) {
    // Taken, so that the watch doesn't bring it as a new one.
    assignments_.Take(entry.key);
    if (const auto assignment = assignments_.Find(entry.key)) assignment->Claim();
    log_.Info(entry.stage == Ledger::Stage::kEnded ? "found a result that was not reported"
                                                   : "found an attempt without an ending",
              {kv("command", FullName(entry.key)), kv("uid", entry.key.uid), kv("attempt", entry.key.attempt)});
    if (entry.stage == Ledger::Stage::kEnded) {
      if (auto outcome = ReadOutcome(entry.result)) {
        reporter_.Report(entry.key, std::move(*outcome));
        continue;
      } else {
        log_.Error("can't read a stored result, handing the attempt back",
                   {kv("uid", entry.key.uid), kv("error", outcome.error().message)});
      }
    }
    reporter_.GiveBack(entry.key, Lost());
  }
}

void Executor::CommandChanged(const Pointer& before, const Pointer& after) {
  if (!after) return assignments_.Leave(before->metadata.uid);
  if (!after->IsBound()) return;
  const AttemptKey key = KeyOf(*after);
  const bool is_new = assignments_.Take(key);
  if (after->IsCancelled()) assignments_.Kill(after->metadata.uid, KillCause::kCancelled);
  if (!is_new) return;
  // Bound before this executor began, and no ledger tells whether it was started.
  if (ledger_.is_new() && !commands_.synced()) return GiveBackUnclaimed(key, LedgerLost());
  if (draining_) return GiveBackUnclaimed(key, Draining());
  attempts_.Add(key);
}

Executor::Pointer Executor::FindCommand(const AttemptKey& key) const {
  auto command = commands_.Find(key.name);
  return command && KeyOf(*command) == key ? command : nullptr;
}

void Executor::GiveBackUnclaimed(const AttemptKey& key, const HandBack& why) {
  const auto assignment = assignments_.Find(key);
  if (assignment && assignment->Claim()) reporter_.GiveBack(key, why);
}

void Executor::Drain() {
  draining_ = true;
  for (const AttemptKey& key : assignments_.All()) GiveBackUnclaimed(key, Draining());
}

bool Executor::WaitUntilNothingRuns(milliseconds patience, std::stop_token stop) {
  std::unique_lock lock(mutex_);
  return ended_.wait_for(lock, stop, patience, [this] { return running_ == 0; });
}

std::optional<kube::Outcome> Executor::CheckThatItMayStart(const AttemptKey& key, Assignment& assignment,
                                                           std::stop_token stop) {
  if (!may_start_()) {
    assignment.SetDoubtful();
    return kube::LookAgain{kLookAgain};
  }
  if (!assignment.doubtful()) return std::nullopt;
  // Our watch may be behind, as our lease was: only the API server itself can tell.
  const auto current = reporter_.ReadWanted(key, stop);
  if (current) return current->IsBound() ? std::nullopt : std::optional<kube::Outcome>(kube::Settled{});
  if (current.error().code == ErrorCode::kGone) return kube::Settled{};
  return kube::LookAgain{kLookAgain};
}

kube::Outcome Executor::RunAttempt(const AttemptKey& key, std::stop_token stop) {
  const auto command = FindCommand(key);
  const auto assignment = assignments_.Find(key);
  if (!command || !assignment) return kube::Settled{};
  if (const auto not_now = CheckThatItMayStart(key, *assignment, stop)) return *not_now;

  const Running running(*this);
  if (!assignment->Claim()) return kube::Settled{};
  if (draining_) {
    reporter_.GiveBack(key, Draining());
  } else if (assignment->kill_cause() == KillCause::kCancelled) {
    reporter_.Report(key, MakeOutcome(*command, NeverStarted(), {handler_, std::nullopt, clock_.WallNow()}));
  } else if (assignment->kill_cause() == KillCause::kNone) {
    Run(key, *command, *assignment);
  }
  return kube::Settled{};
}

void Executor::Run(const AttemptKey& key, const api::SandboxCommand& command, Assignment& assignment) {
  // The controller has checked this too; a spec from elsewhere must not reach the sandbox.
  if (const Status valid = api::Validate(command.spec); !valid) {
    return reporter_.GiveBack(key, {std::string(api::reason::kRejected), valid.error().message});
  }
  // So has it checked this. What the sandbox gets is the directory that the namespace may read, and nothing above it.
  const auto configuration = configuration_();
  const auto readable = configuration->ReadableDirectoryOf(command.metadata.ns, command.spec.repository.path);
  if (!readable) {
    auto refused = NotAllowed(*configuration, command);
    return reporter_.Report(key, MakeOutcome(command, std::move(refused), {handler_, std::nullopt, clock_.WallNow()}));
  }
  // What it was bound with holds; a controller that says nothing about it leaves it to the configuration.
  auto resources = command.status.resources ? Result<api::Resources>(*command.status.resources)
                                            : api::Admit(command.spec, configuration->RulesOf(command.metadata.ns));
  if (!resources) {
    return reporter_.GiveBack(key, {std::string(api::reason::kRejected), resources.error().message});
  }
  if (const Status recorded = ledger_.Start(key); !recorded) {
    log_.Error("attempt not started", {kv("command", FullName(key)), kv("uid", key.uid), kv("attempt", key.attempt),
                                       kv("error", recorded.error().message)});
    // Started before, by us or by a predecessor: it was, or is being, told what became of it.
    if (recorded.error().code == ErrorCode::kAlreadyExists) return;
    return reporter_.GiveBack(key, Rejected("record the start of the command", recorded.error()));
  }
  log_.Info("command starts", {kv("command", FullName(key)), kv("uid", key.uid), kv("attempt", key.attempt)});
  const auto on_started = [&] {
    assignment.SetStarted(clock_.WallNow());
    long_running_.AddAfter(key, kShortRun);
  };
  const auto running = metrics_.AttemptRuns();
  const auto request =
      PlanRun(command.spec,
              {.resources = *resources, .readable = *readable, .image_env = configuration->EnvOf(command.spec.image)});
  auto result = runner_.Run(request, on_started, assignment.token());
  assignment.SetEnded();
  if (!result) {
    log_.Error("can't run a command, handing it back",
               {kv("command", FullName(key)), kv("uid", key.uid), kv("attempt", key.attempt),
                kv("error", result.error().message)});
    on_failed_run_();
    return reporter_.GiveBack(key, Rejected("run the command", result.error()));
  }
  if (assignment.start_time())
    metrics_.CommandRan(result->startup, result->duration, result->warm ? SandboxStart::kWarm : SandboxStart::kCold);
  End(key, command, assignment, std::move(*result));
}

void Executor::End(const AttemptKey& key, const api::SandboxCommand& command, Assignment& assignment,
                   sandbox::RunResult result) {
  const KillCause cause = assignment.kill_cause();
  if (cause == KillCause::kGone) {
    log_.Info("command killed, nobody wants its result",
              {kv("command", FullName(key)), kv("uid", key.uid), kv("attempt", key.attempt)});
    return ledger_.Drop(key);
  }
  // What ended by itself just before it was killed has its result.
  if (cause == KillCause::kDraining && WasKilledByUs(result)) return reporter_.GiveBack(key, Draining());

  Outcome outcome = MakeOutcome(command, std::move(result), {handler_, assignment.start_time(), clock_.WallNow()});
  if (const Status recorded = ledger_.End(key, ToRecord(outcome)); !recorded) {
    // It is reported all the same; should we die before, the attempt is handed back.
    log_.Error("result not recorded", {kv("command", FullName(key)), kv("uid", key.uid), kv("attempt", key.attempt),
                                       kv("error", recorded.error().message)});
  }
  reporter_.Report(key, std::move(outcome));
}

kube::Outcome Executor::MentionRunning(const AttemptKey& key, std::stop_token stop) {
  const auto assignment = assignments_.Find(key);
  if (!assignment || assignment->ended()) return kube::Settled{};
  const auto start_time = assignment->start_time();
  if (!start_time) return kube::Settled{};
  // A refusal means that the result is there already, or that the API server is away: then the result will do.
  const Status mentioned = reporter_.Mention(key, *start_time, stop);
  if (!mentioned) {
    log_.Debug("running command not mentioned", {kv("command", FullName(key)), kv("error", mentioned.error().message)});
  }
  return kube::Settled{};
}

}  // namespace fumehood::executor
